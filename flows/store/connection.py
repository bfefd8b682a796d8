"""The connection to MLflow: where the store is, how it is opened, and how a moved one finds its artifacts again."""

import logging
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from filelock import AcquireReturnProxy, FileLock, Timeout
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import NullPool, create_engine

from flows.errors import ConfigurationError
from flows.platform.health import health_problem, print_line, without_login
from flows.platform.paths import sqlite_file, sqlite_uri, store_folder
from flows.store.failures import DAMAGED, STORE_ERRORS, is_damaged, shortened
from flows.store.mlflow_internals import ADDRESSES, LOCATIONS, LOGGERS, default_artifacts, made_by_older

CONNECT_SECONDS, SILENT_SECONDS, LOCK_SECONDS = 5, 2.0, 180.0
LOGIN_REFUSED = 401  # HTTP's status
BACKUP = ".before-move.db"  # ending of the copy of a database that is made before its addresses are replaced


def open_store(uri: str) -> MlflowClient:
    """Connect to MLflow, and create the store if there is none; one that can't be written is opened for reading.

    Raises
    ------
    ConfigurationError
        If the kind of address is unknown, nobody answers there, the login is refused, or there is no store and none can
        be created.
    """
    if uri.startswith(("http://", "https://")):
        return open_server(uri)
    if uri.startswith(("sqlite:///", "sqlite+pysqlite:///")):
        path = sqlite_file(uri)
        return open_database(uri, f"store: {path}", path.with_suffix(".lock"), path)
    if uri.startswith("postgresql"):
        return open_database(uri, f"tracking URI: the database {without_login(uri)}", store_folder() / "mlflow.lock")
    # It is not shown, since it may hold a password.
    raise ConfigurationError(
        "tracking URI: another kind of address given; allowed: sqlite:///path, http://…, https://… or postgresql://…"
    )


def connect(uri: str) -> MlflowClient:
    """A client of an existing store, without the log messages of the libraries below it: callers report errors."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return MlflowClient(uri)


def open_server(uri: str) -> MlflowClient:
    """Connect to a server, and ask for something: only then is it known to be MLflow and to accept the login."""
    given = f"tracking URI: {without_login(uri)} given"
    if problem := health_problem(uri):
        raise ConfigurationError(f"{given}, where no MLflow server answers ({problem}); allowed: a running one")
    client = connect(uri)
    try:
        client.search_experiments(max_results=1)
    except Exception as error:  # MLflow's client raises many types for answers of other servers
        if isinstance(error, MlflowException) and error.get_http_status_code() == LOGIN_REFUSED:
            raise ConfigurationError(
                f"{given}, which refuses the login; allowed: its name and password in MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD"
            ) from None
        raise ConfigurationError(
            f"{given}, which does not answer like MLflow ({shortened(error)}); allowed: a running MLflow server"
        ) from error
    return client


def open_database(uri: str, name: str, lock: Path, sqlite: Path | None = None) -> MlflowClient:
    """Connect to a database directly, and create MLflow's tables if there are none."""
    if sqlite and sqlite.is_file() and not sqlite.stat().st_size:  # `create_database` leaves no such file
        raise ConfigurationError(f"{name} {DAMAGED}")
    try:
        if sqlite and sqlite.exists() and not (os.access(sqlite, os.W_OK) and os.access(sqlite.parent, os.W_OK)):
            return open_for_reading(sqlite)
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()  # raises what FileLock would wait for
        # If several processes open an empty database at once, they leave it half migrated: one at a time.
        with acquired(FileLock(lock), name), default_artifacts(lock.parent / "artifacts"):
            if sqlite:
                if not sqlite.exists():
                    create_database(sqlite)
                with closing(sqlite3.connect(sqlite)) as database:
                    database.execute("PRAGMA journal_mode=WAL")
            else:  # with a limit of time: MLflow would try for two minutes
                engine = create_engine(uri, connect_args={"connect_timeout": CONNECT_SECONDS}, poolclass=NullPool)
                engine.connect().close()
            client = connect(uri)
            client.search_experiments(max_results=1)
            if sqlite:
                adopt_artifacts(sqlite)
            return client
    except Timeout:
        raise ConfigurationError(
            f"{name} is locked by another process since {LOCK_SECONDS:g} s; allowed: wait for it, or end it"
        ) from None
    except (*STORE_ERRORS, ValueError) as error:  # ValueError: a port that is no number
        raise ConfigurationError(f"{name} {reason(error, uri)}") from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{name} needs {error.name}; allowed once it is installed: mlp-flows[postgres]"
        ) from None


def acquired(lock: FileLock, name: str) -> AcquireReturnProxy:
    """The lock, once it is free; after two seconds standard error names what is waited for."""
    try:
        return lock.acquire(timeout=min(SILENT_SECONDS, LOCK_SECONDS))
    except Timeout:
        print_line(f"Waiting for {name}, which another process has locked …")
        return lock.acquire(timeout=LOCK_SECONDS)


def create_database(path: Path) -> None:
    """Make MLflow's tables elsewhere, and put the whole database in its place in one step.

    MLflow can never open a database whose tables were half made when the process was killed.
    """
    folder = path.with_suffix(".new")
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    folder.mkdir()
    made, copy = folder / "made.db", folder / "copy.db"
    connect(sqlite_uri(made)).search_experiments(max_results=1)
    # A copy, because MLflow keeps the file open, and Windows moves no open file.
    with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.replace(path)
    shutil.rmtree(folder, ignore_errors=True)


def open_for_reading(sqlite: Path) -> MlflowClient:
    """A client of a store that this process can't write."""
    # If nobody writes to it, there is no write-ahead log, and the file is read as it is.
    mode = "mode=ro" if Path(f"{sqlite}-wal").exists() else "immutable=1"
    client = connect(f"sqlite+pysqlite:///file:{quote(str(sqlite))}?{mode}&uri=true")
    client.search_experiments(max_results=1)
    return client


def reason(error: Exception, uri: str) -> str:
    """Say why a database can't be used, and the way out."""
    if revision := re.search(r"out-of-date database schema \(found version (\w+)", str(error)):
        if made_by_older(revision[1]):
            return f"was made by an older MLflow; allowed after a backup (docs/backup.md): mlflow db upgrade '{uri}'"
        return "was opened by a newer MLflow; allowed: that version, or a backup from before"
    if is_damaged(error):
        return DAMAGED
    return f"can't be used ({shortened(error)}); allowed: a database that runs and can be written"


def adopt_artifacts(database: Path) -> None:
    """Make a local store refer to the artifacts beside its database, once, after a copy of the database.

    Other addresses in it are of a service that has ended (``mlflow-artifacts:/…``), which no client can read without
    it, or of the folder from which the store was moved or copied: nothing may be read from or written to that.
    """
    folder = database.parent / "artifacts"
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        locations = [old for (old,) in connection.execute(LOCATIONS)]
        replaced = {old: new for old in locations if (new := adopted(old, folder))}
        if not replaced:
            return
        with closing(sqlite3.connect(database.with_suffix(BACKUP))) as backup:
            connection.backup(backup)
        with connection:
            for old, new in replaced.items():
                for table, column in ADDRESSES:
                    connection.execute(
                        f"update {table} set {column} = ? || substr({column}, ?) "
                        f"where {column} = ? or substr({column}, 1, ?) = ?",
                        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                    )


def adopted(location: str, folder: Path) -> str | None:
    """The new location of an experiment whose artifacts belong into this folder; None if it is to stay."""
    address = urlsplit(location)
    if address.scheme == "mlflow-artifacts":
        return local_address(folder / address.path.lstrip("/"))
    if address.scheme not in ("", "file"):
        return None
    place = local_path(location)
    here = folder / place.name
    moved = place.parent.name == "artifacts" and place.parent != folder and (here.exists() or not place.exists())
    return local_address(here) if moved else None


def local_address(place: Path) -> str:
    """A folder as an address of artifacts; as a plain path if none of its characters has a meaning in an address."""
    return str(place) if quote(str(place)) == str(place) else place.as_uri()


def local_path(address: str) -> Path:
    """The folder at an address, as MLflow reads it: in a plain path too, ``%20`` stands for a space."""
    return Path(url2pathname(urlsplit(address).path if address.startswith("file:") else address))
