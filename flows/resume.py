"""Sweeps that were interrupted, and sweeps that train at the same time: who trains which cell."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.experiment import Cell, Experiment
from flows.liveness import is_alive, ownership
from flows.tracking import STORE_ERRORS, end_run, search, start_sweep

BEGUN, CELLS = "begun", "cells"  # tags of a sweep's parent run
OPEN_KINDS = ("sweep", "cell", "group")


def living_sweeps(client: MlflowClient, experiment_id: str) -> list[Run]:
    """Parent runs of the sweeps that train now; runs that a dead process left open are marked KILLED."""
    open_runs = list(search(client, experiment_id, "attributes.status = 'RUNNING'"))
    living = {run.info.run_id: run for run in open_runs if run.data.tags.get("kind") == "sweep" and is_alive(run)}
    for run in open_runs:
        tags = run.data.tags
        if tags.get("kind") in OPEN_KINDS and run.info.run_id not in living and tags.get("sweep") not in living:
            end_run(client, run.info.run_id, "KILLED", "its process died")
    return list(living.values())


def begin_sweep(
    client: MlflowClient, experiment_id: str, experiment: Experiment, cells: dict[str, Cell], anew: bool
) -> str:
    """Id of the parent run: the interrupted one of the same cells where there is one, or else a new one."""
    same_cells = fingerprint(cells)
    tags = ownership() | {BEGUN: f"{time.time():.3f}", CELLS: same_cells}
    interrupted = None if anew else interrupted_sweep(client, experiment_id, same_cells)
    if interrupted is None:
        return start_sweep(client, experiment_id, experiment, cells, tags)
    for name, value in tags.items():
        client.set_tag(interrupted, name, value)
    client.update_run(interrupted, status="RUNNING")
    return interrupted


def interrupted_sweep(client: MlflowClient, experiment_id: str, same_cells: str) -> str | None:
    """The latest sweep of the same cells, if it did not come to its end."""
    condition = f"tags.kind = 'sweep' and tags.{CELLS} = '{same_cells}'"
    runs = client.search_runs([experiment_id], condition, max_results=1, order_by=["attributes.start_time DESC"])
    return runs[0].info.run_id if runs and runs[0].info.status in ("KILLED", "FAILED") else None


def close_cells(client: MlflowClient, experiment_id: str, sweep_id: str) -> None:
    """Mark as KILLED the cells that a sweep, which ends, has left open: their process died."""
    for run in search(client, experiment_id, f"attributes.status = 'RUNNING' and tags.sweep = '{sweep_id}'"):
        if run.info.run_id != sweep_id:
            end_run(client, run.info.run_id, "KILLED", "its process died")


def fingerprint(keys: Iterable[str]) -> str:
    """One hash for a set of cells."""
    return hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()[:16]


def claimed(client: MlflowClient, sweep_id: str, living: list[Run]) -> dict[str, str]:
    """Cells that other living sweeps see to, with the sweep's id: of two that want a cell, the one that began first.

    Nothing in MLflow can be locked. Two sweeps that begin in the same moment may both train a cell; the one that
    comes second finds that out when it finishes the cell (`CellRun.deliver`).
    """
    age = {run.info.run_id: (float(run.data.tags[BEGUN]), run.info.run_id) for run in living}
    cells: dict[str, str] = {}
    for run_id in age:
        if age[run_id] < age.get(sweep_id, (time.time(), sweep_id)):
            try:
                cells |= dict.fromkeys(
                    json.loads(Path(client.download_artifacts(run_id, "cells.json")).read_text()), run_id
                )
            except STORE_ERRORS:
                continue  # it is so young that it has not yet said what it wants
    return cells


def latest_sweeps(client: MlflowClient, count: int) -> list[tuple[str, Run, Counter]]:
    """The sweeps that began last: the experiment's name, the parent run, and its cells by status."""
    experiments = {experiment.experiment_id: experiment.name for experiment in client.search_experiments()}
    runs = client.search_runs(
        list(experiments), "tags.kind = 'sweep'", max_results=count, order_by=["attributes.start_time DESC"]
    )
    return [
        (
            experiments[run.info.experiment_id],
            run,
            Counter(
                cell.info.status
                for cell in search(
                    client, run.info.experiment_id, f"tags.sweep = '{run.info.run_id}' and tags.kind = 'cell'"
                )
            ),
        )
        for run in runs
    ]
