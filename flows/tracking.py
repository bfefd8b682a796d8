"""All that is said to MLflow: the store, sweeps, cells, their curves and their ends."""

import json
import logging
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from filelock import FileLock
from mlflow import MlflowClient, entities
from mlflow.entities import DatasetInput, RunTag, ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from flows.environment import store_folder
from flows.errors import ConfigurationError
from flows.experiment import Cell, Experiment
from mlp.data import Dataset

# What a call to MLflow ends with where the store can't be reached, is full, or refuses; requests' errors are OSErrors.
STORE_ERRORS = (MlflowException, OSError)


def tracking_uri(given: str | None) -> str:
    """What was given, or MLFLOW_TRACKING_URI, or the store in this folder's `mlruns/`."""
    uri = given or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store_folder()}/mlflow.db"
    # Whatever SQLAlchemy's own choice is, psycopg is what the extra `postgres` brings.
    return f"postgresql+psycopg{uri.removeprefix('postgresql')}" if uri.startswith("postgresql://") else uri


def open_store(uri: str) -> MlflowClient:
    """Connect to MLflow, and make the store where there is none.

    Raises
    ------
    ConfigurationError
        If the address is of no known kind, nobody answers there, or the folder can't be written.
    """
    scheme, _, rest = uri.partition("://")
    if scheme == "sqlite":
        path = Path(rest.removeprefix("/")).resolve()
        return open_database(uri, f"store: {path}", path)
    if scheme in ("http", "https"):
        try:
            urlopen(f"{uri.rstrip('/')}/health", timeout=5).close()
        except (URLError, OSError, ValueError) as error:
            raise ConfigurationError(
                f"tracking URI: {uri} given, where no MLflow server answers ({error}); allowed: one that runs"
            ) from None
        return connect(uri)
    if scheme.startswith("postgresql"):
        return open_database(uri, f"tracking URI: the database {rest.rpartition('@')[2]}")
    raise ConfigurationError(
        f"tracking URI: {uri!r} given; allowed: sqlite:///path, http://…, https://… or postgresql://…"
    )


def connect(uri: str) -> MlflowClient:
    """A client of a store that is there, who keeps to himself what the libraries below him try again."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # what fails is told by who asked
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    return MlflowClient(uri)


def open_database(uri: str, name: str, sqlite_file: Path | None = None) -> MlflowClient:
    """Connect to a database without a server in between, and make MLflow's tables where there are none."""
    lock = sqlite_file.with_suffix(".lock") if sqlite_file else store_folder() / "mlflow.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # Processes that open an empty database at once leave it half migrated: the first one in makes the tables.
        with FileLock(lock):
            if sqlite_file:
                with closing(sqlite3.connect(sqlite_file)) as database:
                    database.execute("PRAGMA journal_mode=WAL")
            client = connect(uri)
            client.search_experiments(max_results=1)
            return client
    except (*STORE_ERRORS, sqlite3.Error, SQLAlchemyError) as error:
        raise ConfigurationError(
            f"{name} can't be used ({one_line(error)}); allowed: one that can be written"
        ) from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{name} needs {error.name}; allowed once it is installed: mlp-flows[postgres]"
        ) from None


def open_experiment(client: MlflowClient, uri: str, experiment: Experiment) -> str:
    """Id of the MLflow experiment of this name, made where there is none."""
    found = client.get_experiment_by_name(experiment.name)
    if found is None:
        # A server keeps artifacts where it was told to; a database alone has no such place.
        location = None if uri.startswith("http") else str(store_folder() / "artifacts" / experiment.name)
        try:
            return client.create_experiment(
                experiment.name, artifact_location=location, tags={"mlflow.note.content": experiment.description}
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            # Another sweep made it in the same moment.
            found = client.get_experiment_by_name(experiment.name)
    assert found is not None
    if found.lifecycle_stage == "deleted":
        raise ConfigurationError(f"name: {experiment.name!r} given, which was deleted in MLflow; allowed: another")
    return found.experiment_id


def search(client: MlflowClient, experiment_id: str, condition: str) -> Iterable:
    """All runs of an experiment that meet a condition, page by page."""
    token = None
    while True:
        page = client.search_runs(
            [experiment_id], condition, ViewType.ACTIVE_ONLY, 5000, ["attributes.start_time DESC"], token
        )
        yield from page
        if not (token := page.token):
            return


def finished_cells(client: MlflowClient, experiment_id: str) -> dict[str, str]:
    """Run ids by cell key of all cells that are done; of several the latest."""
    runs = search(client, experiment_id, "tags.kind = 'cell' and attributes.status = 'FINISHED'")
    return {run.data.tags["cell"]: run.info.run_id for run in reversed(list(runs)) if "cell" in run.data.tags}


def start_sweep(
    client: MlflowClient, experiment_id: str, experiment: Experiment, cells: dict[str, Cell], tags: dict[str, str]
) -> str:
    """Create the parent run of a sweep, with all that is needed to run it again."""
    run = client.create_run(
        experiment_id,
        run_name=f"sweep {time.strftime('%Y-%m-%d %H:%M:%S')}",
        tags={"kind": "sweep", **tags, **code_version(), "mlflow.note.content": experiment.description},
    )
    run_id = run.info.run_id
    client.set_tag(run_id, "sweep", run_id)
    client.log_dict(run_id, experiment.model_dump(mode="json"), "experiment.yaml")
    client.log_dict(run_id, {key: cell.name for key, cell in cells.items()}, "cells.json")
    return run_id


def dataset_fields(data: Dataset) -> dict[str, str]:
    """The data set as MLflow's runs name it, by the digest of all of it."""
    counts = {"train": len(data.train_labels), "test": len(data.test_labels), "pixels": data.train_images.shape[1]}
    return {
        "name": data.name,
        "digest": data.digest[:36],
        "source_type": "scikit-learn",
        "source": json.dumps({"name": data.name}),
        "profile": json.dumps(counts),
    }


def log_datasets(client: MlflowClient, run_id: str, sets: Iterable[dict[str, str]]) -> None:
    """Note what data sets a run worked on; see `dataset_fields`."""
    client.log_inputs(run_id, datasets=[DatasetInput(entities.Dataset(**fields)) for fields in sets])


@cache
def code_version() -> dict[str, str]:
    """The git commit that this package is checked out at, as a tag; nothing where it is not a checkout."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10
        )
    except FileNotFoundError:
        return {}
    return {"mlflow.source.git.commit": answer.stdout.strip()} if answer.returncode == 0 else {}


def end_run(client: MlflowClient, run_id: str, status: str, message: str = "") -> None:
    """Close a run as FINISHED, FAILED or KILLED; the message says why it did not finish."""
    if message:
        client.log_batch(run_id, tags=[RunTag("message", message)])
    client.set_terminated(run_id, status)


def one_line(error: Exception) -> str:
    """What went wrong with the store, as short as its error allows: how a long one begins, and its cause at the end."""
    text = " ".join(str(error).split())
    return text if len(text) <= 240 else f"{text[:100]} ... {text[-135:]}"


def refused(error: Exception) -> bool:
    """Whether the store understood a request and won't have it, however often it is asked."""
    # Of two that write the same new tag in one moment the second breaks a unique constraint; asked again it overwrites.
    lost_a_race = "unique constraint" in str(error).lower()
    return isinstance(error, MlflowException) and error.get_http_status_code() < 500 and not lost_a_race
