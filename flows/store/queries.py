"""Finished cells and their curves from MLflow, for a thousand runs in a second.

MLflow's client creates an object for every number and reads the curves of one run and metric at a time, which takes
minutes for a thousand runs. Here a database is read in a few queries, and a server is asked for curves in the way that
MLflow's own pages do it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow import MlflowClient
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
from mlflow.store.tracking.rest_store import RestStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.rest_utils import http_request, verify_rest_response
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from flows.store.runs import search

# Limits of one answer of a server.
MAX_RUNS, MAX_POINTS = 100, 25_000
TAGS = ("cell", "sweep", "test_images")  # the tags that are read


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
    """All finished cells of an experiment, the oldest first, with the tags that identify them."""
    store = client._tracking_client.store
    if isinstance(store, SqlAlchemyStore):
        with store.ManagedSessionMaker() as session:
            return runs_of_database(session, experiment_id)
    found = search(client, experiment_id, "tags.kind = 'cell' and attributes.status = 'FINISHED'")
    runs = [
        FinishedCell(
            run.info.run_id, run.info.run_name, run.info.start_time, run.info.end_time,
            run.data.tags, run.data.params, run.data.metrics,
        )
        for run in found
    ]  # fmt: skip
    return sorted(runs, key=lambda run: run.started)


def finished_cells(client: MlflowClient, experiment_id: str) -> dict[str, str]:
    """Run ids of all finished cells by cell key; the latest run if there are several."""
    store = client._tracking_client.store
    if isinstance(store, SqlAlchemyStore):
        keys = select(SqlTag.value, SqlTag.run_uuid).join(SqlRun, SqlRun.run_uuid == SqlTag.run_uuid)
        found = keys.where(SqlTag.key == "cell", *conditions(experiment_id)).order_by(SqlRun.start_time)
        with store.ManagedSessionMaker() as session:
            return {row.value: row.run_uuid for row in session.execute(found)}
    runs = search(client, experiment_id, "tags.kind = 'cell' and attributes.status = 'FINISHED'")
    return {run.data.tags["cell"]: run.info.run_id for run in reversed(list(runs)) if "cell" in run.data.tags}


def conditions(experiment_id: str) -> list[ColumnElement[bool]]:
    """What is true of the runs that are finished cells of an experiment."""
    cells: Select = select(SqlTag.run_uuid).where(SqlTag.key == "kind", SqlTag.value == "cell")
    return [
        SqlRun.experiment_id == int(experiment_id),
        SqlRun.status == "FINISHED",
        SqlRun.lifecycle_stage == "active",
        SqlRun.run_uuid.in_(cells),
    ]


def runs_of_database(session: Session, experiment_id: str) -> list[FinishedCell]:
    ours: Select = (
        select(SqlRun.run_uuid, SqlRun.name, SqlRun.start_time, SqlRun.end_time)
        .where(*conditions(experiment_id))
        .order_by(SqlRun.start_time)
    )
    runs = {row[0]: FinishedCell(*row) for row in session.execute(ours)}
    ids = ours.with_only_columns(SqlRun.run_uuid).order_by(None)

    def rows(table: Any, *columns: Any) -> Iterable[tuple]:
        """Run, key and more columns of a table, without runs that finished after `runs` was read."""
        for run_id, *values in session.execute(select(table.run_uuid, *columns).where(table.run_uuid.in_(ids))):
            if run_id in runs:
                yield runs[run_id], *values

    for run, key, value in rows(SqlTag, SqlTag.key, SqlTag.value):
        if key in TAGS:
            run.tags[key] = value
    for run, key, value in rows(SqlParam, SqlParam.key, SqlParam.value):
        run.params[key] = value
    metric = SqlLatestMetric
    for run, key, value, is_nan in rows(metric, metric.key, metric.value, metric.is_nan):
        run.metrics[key] = float("nan") if is_nan else value
    return list(runs.values())


def artifact_uri(client: MlflowClient, run_id: str) -> str:
    """Where the artifacts of a run are; raises an MlflowException if there is no such run."""
    store = client._tracking_client.store
    if isinstance(store, SqlAlchemyStore):
        with store.ManagedSessionMaker() as session:
            if found := session.scalar(select(SqlRun.artifact_uri).where(SqlRun.run_uuid == run_id)):
                return found
    return client.get_run(run_id).info.artifact_uri


def curve_points(client: MlflowClient, run_ids: Sequence[str], metrics: Sequence[str]) -> Iterable[tuple]:
    """Run id, metric, step, value and time (ms) of every point of some curves; the later point of a step comes last."""
    store = client._tracking_client.store
    read = points_of_database if isinstance(store, SqlAlchemyStore) else points_of_server
    for first in range(0, len(run_ids), MAX_RUNS):
        yield from read(store, list(run_ids[first : first + MAX_RUNS]), metrics)


def points_of_database(store: SqlAlchemyStore, run_ids: list[str], metrics: Sequence[str]) -> Iterable[tuple]:
    chosen: Select = (
        select(SqlMetric.run_uuid, SqlMetric.key, SqlMetric.step, SqlMetric.value, SqlMetric.timestamp)
        .where(SqlMetric.run_uuid.in_(run_ids), SqlMetric.key.in_(metrics), SqlMetric.is_nan.is_(False))
        .order_by(SqlMetric.timestamp)
    )
    with store.ManagedSessionMaker() as session:
        return session.execute(chosen).all()


def points_of_server(store: RestStore, run_ids: list[str], metrics: Sequence[str]) -> Iterable[tuple]:
    for metric in metrics:
        answer = http_request(
            store.get_host_creds(), "/ajax-api/2.0/mlflow/metrics/get-history-bulk", "GET",
            params={"run_id": run_ids, "metric_key": metric, "max_results": MAX_POINTS},
        )  # fmt: skip
        found = verify_rest_response(answer, metric).json()["metrics"]
        if len(found) == MAX_POINTS and len(run_ids) > 1:
            # The answer may be cut off: ask in two halves.
            half = len(run_ids) // 2
            yield from points_of_server(store, run_ids[:half], [metric])
            yield from points_of_server(store, run_ids[half:], [metric])
        else:
            names = "step", "value", "timestamp"
            yield from ((point["run_id"], metric, *(point[name] for name in names)) for point in found)
