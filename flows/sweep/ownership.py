"""Which sweep trains which cell, when sweeps were interrupted or run at the same time."""

import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.store.artifacts import CELLS, read_artifact
from flows.store.runs import end_run, search
from flows.store.sweeps import start_sweep, sweeps
from flows.sweep.liveness import is_alive, ownership

BEGUN, SAME_CELLS = "begun", "cells"  # tags of a sweep's parent run
OPEN_KINDS = ("sweep", "cell", "group")


def living_sweeps(client: MlflowClient, experiment_id: str) -> list[Run]:
    """Parent runs of the sweeps that are running; runs that a dead process left open are marked KILLED."""
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
    """Id of the parent run: that of an interrupted sweep of the same cells, or else a new one."""
    tags = ownership() | {BEGUN: f"{time.time():.3f}", SAME_CELLS: fingerprint(cells)}
    latest = None if anew else latest_sweep_of(client, experiment_id, cells)
    if not (latest and interrupted(latest)):
        return start_sweep(client, experiment_id, experiment, cells, tags)
    for name, value in tags.items():
        client.set_tag(latest.info.run_id, name, value)
    client.update_run(latest.info.run_id, status="RUNNING")
    return latest.info.run_id


def latest_sweep_of(client: MlflowClient, experiment_id: str, keys: Iterable[str]) -> Run | None:
    """The latest sweep of exactly these cells."""
    return next(sweeps(client, experiment_id, f"tags.{SAME_CELLS} = '{fingerprint(keys)}'"), None)


def interrupted(sweep: Run) -> bool:
    """Whether a sweep ended before all of its cells had been trained and compared."""
    return sweep.info.status in ("KILLED", "FAILED")


def close_cells(client: MlflowClient, experiment_id: str, sweep_id: str) -> None:
    """Mark the cells that a sweep has left open when it ends as KILLED: their process died."""
    for run in search(client, experiment_id, f"attributes.status = 'RUNNING' and tags.sweep = '{sweep_id}'"):
        if run.info.run_id != sweep_id:
            end_run(client, run.info.run_id, "KILLED", "its process died")


def fingerprint(keys: Iterable[str]) -> str:
    """One hash of a set of cells."""
    return hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()[:16]


def claimed(client: MlflowClient, sweep_id: str, living: list[Run]) -> dict[str, str]:
    """Cells that other running sweeps train, with the id of the sweep: of several, the one that began first.

    MLflow has no locks: two sweeps that begin at the same moment may both train a cell. The one that finishes second
    notices it (`CellRun.cancel_if_duplicate`).
    """
    age = {run.info.run_id: (float(run.data.tags[BEGUN]), run.info.run_id) for run in living}
    cells: dict[str, str] = {}
    for run in living:
        run_id = run.info.run_id
        if age[run_id] < age.get(sweep_id, (time.time(), sweep_id)):
            with suppress(ConfigurationError):  # it has only just begun, and has not written its cells yet
                cells |= dict.fromkeys(read_artifact(client, run, CELLS), run_id)
    return cells
