"""`mlp up`: MLflow's server, Prefect's server and a worker, kept running until the service is asked to end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from flows.errors import ConfigurationError
from flows.platform import supervisor
from flows.platform.health import wait_for_server
from flows.platform.paths import sqlite_uri, store_folder, tracking_uri
from flows.platform.prefect_database import create_database, database_file
from flows.platform.servers import (
    LOCAL,
    MAX_SHORT_LIVES,
    SHORT_LIFE_SECONDS,
    START_SECONDS,
    check_free,
    mlflow_command,
    prefect_command,
)
from flows.platform.service_file import publish_service, running_service, service_file
from flows.platform.system import end_signals
from flows.platform.temporary import temporary_files_in_store
from flows.service.security import Login, mlflow_security
from flows.store.connection import open_store

POOL = "mlp"  # the work pool in Prefect whose worker the service runs
GRACE_SECONDS = 20.0  # for a sweep to close its runs
POLL_SECONDS, PAUSE_SECONDS = 0.5, 1.0


@dataclass
class Child:
    """A program that the service keeps running; its output goes to a log file."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    short_lives: int = 0

    @property
    def log(self) -> Path:
        return store_folder() / "logs" / f"{self.name.lower()}.log"

    def start(self) -> None:
        """Start it under a supervisor, so that it ends even if the service is killed."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        self.process = supervisor.start(self.command, GRACE_SECONDS, self.log, os.environ | self.environment)

    def wait_for(self, server: str, say: Callable[[str], object] | None) -> None:
        """Return when its server answers."""
        wait_for_server(server, f"{self.name} (see {self.log})", START_SECONDS, self.process, say)

    def end(self) -> None:
        """End it and its descendants, and return when they have ended."""
        if self.process:
            self.process.communicate()


@temporary_files_in_store()
def up(
    host: str,
    mlflow_port: int,
    prefect_port: int,
    database: str | None,
    login: Login | None,
    prepare: Callable[[], Callable[[], None]],
    console: Console,
) -> int:
    """Run the service until Ctrl-C, SIGTERM or SIGHUP.

    Parameters
    ----------
    database : str or None
        ``postgresql://user@host/name`` for MLflow; Prefect's has the same name with ``_prefect``. None: sqlite.
    prepare : callable
        Called once, while the servers start. What it returns is called when both answer, before the worker starts.

    Returns
    -------
    int
        Exit code: 0, or 1 if a child does not keep running.

    Raises
    ------
    ConfigurationError
        If the service can't start.
    """
    if host != LOCAL and login is None:
        raise ConfigurationError(f"--host: {host} given without --auth; allowed: {LOCAL}, or any with --auth FILE")
    if service := running_service():
        raise ConfigurationError(f"store: {store_folder()} is served already, by process {service.process}")
    check_free("--mlflow-port", host, mlflow_port)
    check_free("--prefect-port", host, prefect_port)
    mlflow_store, prefect_store = databases(database)
    open_store(mlflow_store)
    if path := database_file(os.environ | prefect_store):
        create_database(path)

    reach = LOCAL if host == "0.0.0.0" else host
    mlflow_address, prefect_address = f"http://{reach}:{mlflow_port}", f"http://{reach}:{prefect_port}"
    clients = {"MLFLOW_TRACKING_URI": mlflow_address, "PREFECT_API_URL": f"{prefect_address}/api"}
    clients |= login.client_environment() if login else {}
    os.environ.update(clients)
    mlflow = mlflow_child(mlflow_store, host, mlflow_port, login)
    prefect = prefect_child(prefect_store, host, prefect_port, login)
    worker = Child("worker", worker_command(), {})
    for number in end_signals():
        signal.signal(number, signal.default_int_handler)
    try:
        with console.status("Starting MLflow's server, Prefect's server and a worker …") as status:
            say = status.update if console.is_terminal else None
            mlflow.start()
            prefect.start()
            on_ready = prepare()
            mlflow.wait_for(mlflow_address, say)
            prefect.wait_for(f"{prefect_address}/api", say)
            on_ready()
            worker.start()
        publish_service(clients)
        console.print(f"MLflow:   {mlflow_address}\nPrefect:  {prefect_address}\nLogs:     {mlflow.log.parent}")
        console.print("Ctrl-C ends all of them.")
        return keep_running([mlflow, prefect, worker], console)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may have been closed
            console.print("Ending …")
        return 0
    finally:
        for number in end_signals():
            signal.signal(number, signal.SIG_IGN)
        service_file().unlink(missing_ok=True)
        for child in (worker, prefect, mlflow):
            child.end()


def databases(database: str | None) -> tuple[str, dict[str, str]]:
    """MLflow's store, and the variables that name Prefect's database."""
    if database is None:
        return sqlite_uri(store_folder() / "mlflow.db"), {}
    scheme, separator, rest = database.partition("://")
    if scheme != "postgresql" or not separator or "/" not in rest:
        raise ConfigurationError(f"--database: {database!r} given; allowed: postgresql://user@host/name")
    place, question, options = rest.partition("?")
    return tracking_uri(database), {
        "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{place}_prefect{question}{options}"
    }


def mlflow_child(store: str, host: str, port: int, login: Login | None) -> Child:
    """MLflow's server."""
    command = mlflow_command(store, host, port) + (["--app-name", "basic-auth"] if login else [])
    environment = mlflow_security(host, port, login) if login else {}
    return Child("MLflow", command, environment | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})


def prefect_child(database: dict[str, str], host: str, port: int, login: Login | None) -> Child:
    """Prefect's server."""
    environment = database | (login.prefect_server_environment() if login else {})
    # Its pages find the server by whatever name the browser used.
    return Child("Prefect", prefect_command(host, port), environment | {"PREFECT_UI_API_URL": "/api"})


def worker_command() -> list[str]:
    """Command line of the worker that runs scheduled sweeps."""
    return [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]


def keep_running(children: list[Child], console: Console) -> int:
    """Start children again when they end; return 1 when one ends soon after its start, again and again."""
    while True:
        time.sleep(POLL_SECONDS)
        for child in children:
            if child.process is None or (code := child.process.poll()) is None:
                continue
            child.end()
            short = time.monotonic() - child.started < SHORT_LIFE_SECONDS
            child.short_lives = child.short_lives + 1 if short else 0
            if child.short_lives == MAX_SHORT_LIVES:
                console.print(f"[red]mlp:[/] {child.name} does not keep running; {child.log} says why")
                return 1
            console.print(f"{child.name} ended ({code}); started again")
            time.sleep(PAUSE_SECONDS)
            child.start()
