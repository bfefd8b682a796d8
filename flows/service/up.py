"""`mlp up`: MLflow's server, Prefect's server and a worker, kept running until the service is asked to end."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console

from flows.errors import ConfigurationError
from flows.platform.paths import sqlite_uri, store_folder, tracking_uri
from flows.platform.prefect_internals import HOST, database_file
from flows.platform.programs import Program, keep_running
from flows.platform.servers import LOCAL, STORE, check_free, mlflow_command, prefect_command
from flows.platform.service_file import publish_service, running_service, service_file
from flows.platform.startup import create_tables
from flows.platform.system import end_signals
from flows.platform.temporary import temporary_files_in_store
from flows.service.security import Login, mlflow_security, prefect_login, prefect_login_file
from flows.store.connection import open_store

POOL = "mlp"  # the work pool in Prefect whose worker the service runs
GRACE_SECONDS = 20.0  # for a sweep to close its runs


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
        create_tables(path)

    reach = LOCAL if host == "0.0.0.0" else host
    mlflow_address, prefect_address = f"http://{reach}:{mlflow_port}", f"http://{reach}:{prefect_port}"
    clients = {"MLFLOW_TRACKING_URI": mlflow_address, "PREFECT_API_URL": f"{prefect_address}/api"}
    clients |= login.mlflow_client() if login else {}
    prefect_access = login or prefect_login()
    clients["PREFECT_API_AUTH_STRING"] = prefect_access.text
    os.environ.update(clients)
    mlflow = mlflow_server(mlflow_store, host, mlflow_port, login)
    prefect = prefect_server(prefect_store, host, prefect_port, prefect_access)
    worker = program("worker", worker_command(), {})
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
        if login is None:
            console.print(f"Prefect's pages ask for the line in {prefect_login_file()}.", soft_wrap=True)
        console.print("Ctrl-C ends all of them.")
        if failed := keep_running([mlflow, prefect, worker], console.print):
            console.print(f"[red]mlp:[/] {failed.name} does not keep running; {failed.log} says why")
        return 1
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
    scheme, _, rest = database.partition("://")
    server, question, options = rest.partition("?")
    if scheme != "postgresql" or not server.rpartition("@")[2].partition("/")[2]:
        # It is not shown, since it may hold a password.
        raise ConfigurationError("--database: an address of another form given; allowed: postgresql://user@host/name")
    return tracking_uri(database), {
        "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{server}_prefect{question}{options}"
    }


def program(name: str, command: list[str], environment: dict[str, str]) -> Program:
    """A program of the service, with its log file."""
    log = store_folder() / "logs" / f"{name.lower()}.log"
    return Program(name, command, environment, log, GRACE_SECONDS)


def mlflow_server(store: str, host: str, port: int, login: Login | None) -> Program:
    """MLflow's server."""
    command = mlflow_command(host, port) + (["--app-name", "basic-auth"] if login else [])
    environment = mlflow_security(host, port, login) if login else {}
    return program("MLflow", command, environment | {STORE: store, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})


def prefect_server(database: dict[str, str], host: str, port: int, login: Login) -> Program:
    """Prefect's server."""
    environment = {
        HOST: host,
        "PREFECT_SERVER_API_AUTH_STRING": login.text,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{host}:{port}",  # not any page's, which is the default
        "PREFECT_UI_API_URL": "/api",  # its pages find the server by whatever name the browser used
    }
    return program("Prefect", prefect_command(host, port), database | environment)


def worker_command() -> list[str]:
    """Command line of the worker that runs scheduled sweeps."""
    return [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
