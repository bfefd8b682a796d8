"""Runs in MLflow: how they are found, read and ended, and what they say about their data set and their code.

A thousand finished cells and their curves take a second: a database is read in a few queries, and a server is asked for
curves in the way that MLflow's own pages do it; see `flows.store.mlflow_internals`.
"""

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import nan
from pathlib import Path
from typing import Any

from mlflow import MlflowClient, entities
from mlflow.entities import DatasetInput, Run, RunTag, ViewType
from sqlalchemy import Connection, Row, bindparam, text

from flows.store.mlflow_internals import (
    ARTIFACT_URI,
    CURVES,
    FINISHED_CELLS,
    LAST_VALUES,
    MAX_POINTS,
    database,
    points_of_server,
)

DESCRIPTION = "mlflow.note.content"  # the tag that MLflow's pages show as the description
PARENT = "mlflow.parentRunId"  # the tag by which MLflow's pages nest runs
MAX_RUNS = 100  # whose curves are asked for at once
FINISHED = "tags.kind = 'cell' and attributes.status = 'FINISHED'"


def now() -> int:
    """Milliseconds since 1970, the unit of MLflow."""
    return int(time.time() * 1000)


def pages(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    """All answers to a search: MLflow is asked for one page after another, and only as they are needed."""
    token = None
    while True:
        page = ask(token)
        yield from page
        if not (token := page.token):
            return


def search(client: MlflowClient, experiment_ids: str | list[str], condition: str, page: int = 5000) -> Iterator[Run]:
    """The runs that meet a condition, the latest first."""
    ids = [experiment_ids] if isinstance(experiment_ids, str) else experiment_ids
    order = ["attributes.start_time DESC"]
    return pages(lambda token: client.search_runs(ids, condition, ViewType.ACTIVE_ONLY, page, order, token))


@dataclass(frozen=True)
class FinishedCell:
    """A finished run of a cell; times in ms."""

    run_id: str
    name: str
    started: int
    ended: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def finished_cell_runs(client: MlflowClient, experiment_id: str) -> list[FinishedCell]:
    """All finished cells of an experiment, the oldest first; other programs' runs that have no key are none."""
    if engine := database(client):
        with engine.connect() as connection:
            return cells_of_database(connection, experiment_id)
    cells = [
        FinishedCell(info.run_id, info.run_name, info.start_time, info.end_time, data.tags, data.params, data.metrics)
        for info, data in ((run.info, run.data) for run in search(client, experiment_id, FINISHED))
    ]
    return [cell for cell in reversed(cells) if "cell" in cell.tags]


def finished_cells(client: MlflowClient, experiment_id: str) -> dict[str, str]:
    """Run ids of all finished cells by cell key; the latest run if there are several."""
    if engine := database(client):
        with engine.connect() as connection:
            return {row.value: row.run_uuid for row in finished(connection, experiment_id, "cells.value")}
    return {cell.tags["cell"]: cell.run_id for cell in finished_cell_runs(client, experiment_id)}


def finished_since(client: MlflowClient, experiment_id: str, planned: int, keys: Iterable[str]) -> dict[str, list[str]]:
    """Run ids of those of some cells that have finished since they were planned, in ms; the first to end first."""
    if engine := database(client):
        with engine.connect() as connection:
            rows = finished(connection, experiment_id, "cells.value, runs.end_time")
            ends = [(row.end_time or 0, row.run_uuid, row.value) for row in rows if row.value in keys]
    else:
        runs = (run for key in keys for run in search(client, experiment_id, f"{FINISHED} and tags.cell = '{key}'"))
        ends = [(run.info.end_time or 0, run.info.run_id, run.data.tags["cell"]) for run in runs]
    by_key: dict[str, list[str]] = {}
    for ended, run_id, key in sorted(ends):
        if ended >= planned:
            by_key.setdefault(key, []).append(run_id)
    return by_key


def finished(connection: Connection, experiment_id: str, columns: str, more: str = "") -> Iterable[Row]:
    """Run ids and more columns of the finished cells in a database, the oldest first."""
    query = f"select runs.run_uuid, {columns} {FINISHED_CELLS.format(more=more)} and runs.experiment_id = :id"
    return connection.execute(text(f"{query} order by runs.start_time"), {"id": int(experiment_id)})


def cells_of_database(connection: Connection, experiment_id: str) -> list[FinishedCell]:
    rows = finished(connection, experiment_id, "runs.name, runs.start_time, runs.end_time")
    cells = {row.run_uuid: FinishedCell(*row) for row in rows}
    for name, table in (("tags", "tags"), ("params", "params"), ("metrics", f"({LAST_VALUES})")):
        more = f"join {table} as more on more.run_uuid = runs.run_uuid"
        for run_id, key, value in finished(connection, experiment_id, "more.key, more.value", more):
            if run_id in cells:  # and has not finished since `cells` was read
                getattr(cells[run_id], name)[key] = nan if value is None else value
    return list(cells.values())


def artifact_uri(client: MlflowClient, run_id: str) -> str:
    """The address of the artifacts of a run; raises an MlflowException if there is no such run."""
    if engine := database(client):
        with engine.connect() as connection:
            if found := connection.scalar(text(ARTIFACT_URI), {"run": run_id}):
                return found
    return client.get_run(run_id).info.artifact_uri


def curve_points(client: MlflowClient, run_ids: Sequence[str], metrics: Sequence[str]) -> Iterable[Sequence[Any]]:
    """Run id, metric, step, value and time (ms) of every point of some curves; the later point of a step comes last."""
    engine = database(client)
    curves = text(CURVES).bindparams(bindparam("runs", expanding=True), bindparam("metrics", expanding=True))
    for first in range(0, len(run_ids), MAX_RUNS):
        chosen = list(run_ids[first : first + MAX_RUNS])
        if engine:
            with engine.connect() as connection:
                yield from connection.execute(curves, {"runs": chosen, "metrics": list(metrics)}).all()
        else:
            for metric in metrics:
                yield from curve_of_server(client, chosen, metric)


def curve_of_server(client: MlflowClient, run_ids: list[str], metric: str) -> Iterable[Sequence[Any]]:
    points = points_of_server(client, run_ids, metric)
    if len(points) == MAX_POINTS and len(run_ids) > 1:
        # The answer may be cut off: ask in two halves.
        half = len(run_ids) // 2
        yield from curve_of_server(client, run_ids[:half], metric)
        yield from curve_of_server(client, run_ids[half:], metric)
    else:
        yield from ((point["run_id"], metric, point["step"], point["value"], point["timestamp"]) for point in points)


def log_datasets(client: MlflowClient, run_id: str, sets: Iterable[dict[str, str]]) -> None:
    """Log the data sets of a run; see `flows.plan.preparation.dataset_fields`."""
    client.log_inputs(run_id, datasets=[DatasetInput(entities.Dataset(**fields)) for fields in sets])


@cache
def code_version() -> dict[str, str]:
    """The git commit of this package's checkout as a tag, and whether its files differ from that; else nothing."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return {}  # installed, perhaps into somebody else's checkout

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"mlflow.source.git.commit": git("rev-parse", "HEAD"), "changed_since_commit": str(bool(changed))}
    except (OSError, subprocess.SubprocessError):
        return {}  # without git, or in a folder that git does not trust


def end_run(client: MlflowClient, run_id: str, status: str, message: str = "") -> None:
    """Close a run as FINISHED, FAILED or KILLED; the message says why it did not finish."""
    if message:
        client.log_batch(run_id, tags=[RunTag("message", message)])
    client.set_terminated(run_id, status)
