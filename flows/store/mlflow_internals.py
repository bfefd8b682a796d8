"""All that this project uses of MLflow 3.17 and that is not public API, each with the public way beside it.

`tests/flows/store/test_mlflow_internals.py` says what a new release has changed. Not here: the layout of the shared
views, in `flows.report.charts`. The figures are of a store with 1,050 cells, on two cores. Nothing is imported from
MLflow before it is needed: `fast_count` does without its import, which takes a second or two.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.platform.paths import sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from sqlalchemy import Engine

# What MLflow and the libraries below it would log in addition to the errors that they raise. Public: no switch.
LOGGERS = ("alembic", "mlflow.store.db.utils", "urllib3.connectionpool")

# Of MLflow's database, the finished cells of experiments. Public: `search_runs`, 5.0 s instead of 1.1 s with all their
# params and metrics, and not before MLflow is imported.
FINISHED_CELLS = """
    from runs
    join experiments on experiments.experiment_id = runs.experiment_id
    join tags as cells on cells.run_uuid = runs.run_uuid and cells.key = 'cell'
    join tags as kinds on kinds.run_uuid = runs.run_uuid and kinds.key = 'kind' and kinds.value = 'cell'
    {more}
    where runs.status = 'FINISHED' and runs.lifecycle_stage = 'active'
"""
COUNT = f"select count(distinct cells.value) {FINISHED_CELLS.format(more='')} and experiments.name = ?"
# The last values of metrics: MLflow stores one that is not a number as 0.
LAST_VALUES = "select run_uuid, key, case when is_nan then null else value end as value from latest_metrics"
# Public: `get_metric_history`, one curve at a time, 27 s instead of 1.1 s for four curves of each cell.
CURVES = """
    select run_uuid, key, step, value, timestamp from metrics
    where run_uuid in :runs and key in :metrics and not is_nan order by timestamp
"""
# Public: `get_run`, 6 ms instead of 0.6 ms; a report reads the weights and snapshots of each cell.
ARTIFACT_URI = "select artifact_uri from runs where run_uuid = :run"
LOCATIONS = "select artifact_location from experiments"
# Tables and columns that hold addresses of artifacts. Public: no way to change one.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"  # variable
MAX_POINTS = 25_000  # in one answer of a server
HISTORY = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
SHARED_VIEW = "mlflow.sharedViewState."  # tag of an experiment, with the key of a view. Public: only by hand


def database(client: "MlflowClient") -> "Engine | None":
    """The database that a client uses; None if it asks a server. Public: only a second pool of connections."""
    return getattr(client._tracking_client.store, "engine", None)


def fast_count(uri: str, experiment: str) -> int:
    """Count the different cells of an experiment that have finished; 0 where that can't be seen at once."""
    if uri.startswith("sqlite") and sqlite_file(uri).exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(sqlite_file(uri), timeout=1)) as store:
            return store.execute(COUNT, (experiment,)).fetchone()[0]
    return 0


@contextmanager
def default_artifacts(folder: Path) -> Iterator[None]:
    """Have MLflow keep its experiment *Default* in a folder, by an address in which quotes are written as ``%27``.

    In a path, its SQL would take them for its own. Public: only for a server, `--default-artifact-root`.
    """
    os.environ[ARTIFACT_ROOT] = folder.absolute().as_uri()
    try:
        yield
    finally:
        del os.environ[ARTIFACT_ROOT]


def points_of_server(client: "MlflowClient", run_ids: list[str], metric: str) -> list[dict[str, Any]]:
    """Points of a metric of runs, at most `MAX_POINTS`, as MLflow's own pages ask for them.

    Public: `get_metric_history`, with a request for each run.
    """
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    question = {"run_id": run_ids, "metric_key": metric, "max_results": MAX_POINTS}
    answer = http_request(client._tracking_client.store.get_host_creds(), HISTORY, "GET", params=question)
    return verify_rest_response(answer, HISTORY).json()["metrics"]


def artifacts_at(client: "MlflowClient", address: str) -> "ArtifactRepository":
    """The artifacts at an address. Public: `log_artifacts` asks for the run first: 0.6 s more for 50 cells."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(address, client.tracking_uri)


def made_by_older(revision: str) -> bool:
    """Tell whether the tables of a database are those of an earlier MLflow than this one. Public: no way to ask."""
    migrations = files("mlflow") / "store" / "db_migrations" / "versions"
    return any(file.name.startswith(f"{revision}_") for file in migrations.iterdir())


def picture_note(title: str, run_id: str, picture: str) -> str:
    """Markdown that shows a picture among the artifacts of a run on MLflow's page. Public: the artifacts' tab only."""
    return f"![{title}](get-artifact?path={picture}&run_uuid={run_id})"
