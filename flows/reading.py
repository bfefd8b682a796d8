"""Finished cells and their curves out of MLflow, a thousand runs at a time.

MLflow's client makes an object of every number and asks for the curves of one run and metric at a time: seconds and
minutes for a thousand runs. A database is read here in a few queries instead; a server is asked for curves as MLflow's
own pages ask it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow import MlflowClient
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
from mlflow.store.tracking.rest_store import RestStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.rest_utils import http_request, verify_rest_response
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from flows.tracking import search

# What one answer of a server may hold.
MOST_RUNS, MOST_POINTS = 100, 25_000
TAGS = ("cell", "sweep")  # that say which cell a run is


@dataclass(frozen=True)
class CellRun:
    """A finished run that is tagged as a cell; times in ms."""

    run_id: str
    name: str
    started: int
    ended: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def finished_cell_runs(client: MlflowClient, experiment_id: str) -> list[CellRun]:
    """All finished cells of an experiment, the oldest first; of the tags those that say which cell it is."""
    store = client._tracking_client.store
    if isinstance(store, SqlAlchemyStore):
        with store.ManagedSessionMaker() as session:
            return runs_of_database(session, experiment_id)
    found = search(client, experiment_id, "tags.kind = 'cell' and attributes.status = 'FINISHED'")
    runs = [
        CellRun(
            run.info.run_id, run.info.run_name, run.info.start_time, run.info.end_time,
            run.data.tags, run.data.params, run.data.metrics,
        )
        for run in found
    ]  # fmt: skip
    return sorted(runs, key=lambda run: run.started)


def runs_of_database(session: Session, experiment_id: str) -> list[CellRun]:
    cells: Select = select(SqlTag.run_uuid).where(SqlTag.key == "kind", SqlTag.value == "cell")
    ours: Select = (
        select(SqlRun.run_uuid, SqlRun.name, SqlRun.start_time, SqlRun.end_time)
        .where(SqlRun.experiment_id == int(experiment_id), SqlRun.status == "FINISHED")
        .where(SqlRun.lifecycle_stage == "active", SqlRun.run_uuid.in_(cells))
        .order_by(SqlRun.start_time)
    )
    runs = {row[0]: CellRun(*row) for row in session.execute(ours)}
    ids = ours.with_only_columns(SqlRun.run_uuid).order_by(None)

    def rows(table: Any, *columns: Any) -> Iterable[tuple]:
        """Run, key and more from a table; without the runs that finished after the list of them was read."""
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


def points(client: MlflowClient, run_ids: Sequence[str], metrics: Sequence[str]) -> Iterable[tuple]:
    """Run id, metric, step and value of all points of some curves; of a step that was logged twice the later last."""
    store = client._tracking_client.store
    read = points_of_database if isinstance(store, SqlAlchemyStore) else points_of_server
    for first in range(0, len(run_ids), MOST_RUNS):
        yield from read(store, list(run_ids[first : first + MOST_RUNS]), metrics)


def points_of_database(store: SqlAlchemyStore, run_ids: list[str], metrics: Sequence[str]) -> Iterable[tuple]:
    chosen: Select = (
        select(SqlMetric.run_uuid, SqlMetric.key, SqlMetric.step, SqlMetric.value)
        .where(SqlMetric.run_uuid.in_(run_ids), SqlMetric.key.in_(metrics), SqlMetric.is_nan.is_(False))
        .order_by(SqlMetric.timestamp)
    )
    with store.ManagedSessionMaker() as session:
        return session.execute(chosen).all()


def points_of_server(store: RestStore, run_ids: list[str], metrics: Sequence[str]) -> Iterable[tuple]:
    for metric in metrics:
        answer = http_request(
            store.get_host_creds(), "/ajax-api/2.0/mlflow/metrics/get-history-bulk", "GET",
            params={"run_id": run_ids, "metric_key": metric, "max_results": MOST_POINTS},
        )  # fmt: skip
        found = verify_rest_response(answer, metric).json()["metrics"]
        if len(found) == MOST_POINTS and len(run_ids) > 1:
            # Perhaps there was more: ask in two halves.
            half = len(run_ids) // 2
            yield from points_of_server(store, run_ids[:half], [metric])
            yield from points_of_server(store, run_ids[half:], [metric])
        else:
            yield from ((point["run_id"], metric, point["step"], point["value"]) for point in found)
