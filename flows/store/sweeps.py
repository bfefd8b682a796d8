"""Sweeps in MLflow: how one is begun, and which one is the latest."""

import getpass
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.platform.health import without_login
from flows.store.artifacts import CELLS, EXPERIMENT, read_cells, read_experiment
from flows.store.runs import DESCRIPTION, code_version, finished_cells, pages, search


def start_sweep(client: MlflowClient, experiment_id: str, experiment: Experiment, tags: dict[str, str]) -> str:
    """Create the parent run of a sweep, which is complete with `write_plan`."""
    name = f"sweep {time.strftime('%Y-%m-%d %H:%M:%S')}"
    about = {"kind": "sweep", **tags, **code_version(), **origin(), DESCRIPTION: experiment.description}
    return client.create_run(experiment_id, run_name=name, tags=about).info.run_id


def write_plan(client: MlflowClient, run_id: str, experiment: Experiment, cells: dict[str, Cell]) -> None:
    """Give a sweep all that is needed to compare it and to run it again."""
    client.set_tag(run_id, "sweep", run_id)
    client.log_dict(run_id, experiment.model_dump(mode="json"), EXPERIMENT)
    client.log_dict(run_id, {key: cell.name for key, cell in cells.items()}, CELLS)


def mend_plan(client: MlflowClient, sweep: Run, experiment: Experiment, cells: dict[str, Cell]) -> None:
    """Write what a sweep needs again, if it is gone or damaged."""
    try:
        read_experiment(client, sweep)
        read_cells(client, sweep)
    except ConfigurationError:
        write_plan(client, sweep.info.run_id, experiment, cells)


def origin() -> dict[str, str]:
    """Tags that say who began a sweep, and with which command."""
    command = " ".join([Path(sys.argv[0]).name, *map(without_login, sys.argv[1:])])
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or getpass.getuser()
    return {"mlflow.user": user, "mlflow.source.type": "LOCAL", "mlflow.source.name": command}


def sweeps(client: MlflowClient, experiment_id: str | None = None, condition: str = "") -> Iterator[Run]:
    """The parent runs of sweeps, the latest first, of one experiment or of the whole store."""
    ids = [experiment_id] if experiment_id else list(experiment_names(client))
    return search(client, ids, " and ".join(filter(None, ["tags.kind = 'sweep'", condition])), page=20)


def latest_sweep(client: MlflowClient, experiment_id: str | None = None) -> tuple[Run | None, list[str]]:
    """The latest sweep that has finished cells, and notes on later ones that have none; else the latest of all."""
    notes: list[str] = []
    latest = None
    for sweep in sweeps(client, experiment_id):
        if has_finished_cells(client, sweep):
            return sweep, [f"{note}; {sweep.info.run_name} is shown" for note in notes]
        notes.append(f"{sweep.info.run_name} ({sweep.info.status}) has no finished cell")
        latest = latest or sweep
    return latest, []


def has_finished_cells(client: MlflowClient, sweep: Run) -> bool:
    """Tell whether a cell that a sweep asked for has finished, in this sweep or in another."""
    experiment_id, run_id = sweep.info.experiment_id, sweep.info.run_id
    own = f"tags.kind = 'cell' and tags.sweep = '{run_id}' and attributes.status = 'FINISHED'"
    if next(search(client, experiment_id, own, page=1), None):
        return True
    try:
        keys = read_cells(client, sweep)
    except ConfigurationError:
        return False  # it was interrupted before it had written them
    return not finished_cells(client, experiment_id).keys().isdisjoint(keys)


def named_sweeps(client: MlflowClient, condition: str = "") -> Iterator[tuple[str, Run]]:
    """The parent runs of sweeps of the whole store, the latest first, each after the name of its experiment."""
    names = experiment_names(client)
    return ((names[sweep.info.experiment_id], sweep) for sweep in sweeps(client, None, condition))


def count_cells(client: MlflowClient, sweep: Run) -> Counter[str]:
    """The number of cells that a sweep has begun to train, by status."""
    condition = f"tags.sweep = '{sweep.info.run_id}' and tags.kind = 'cell'"
    return Counter(cell.info.status for cell in search(client, sweep.info.experiment_id, condition))


def experiment_names(client: MlflowClient) -> dict[str, str]:
    """The names of all experiments by id."""
    found = pages(lambda token: client.search_experiments(page_token=token))
    return {experiment.experiment_id: experiment.name for experiment in found}
