"""MLflow's and Prefect's servers, and how they are started."""

import atexit
import errno
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from flows.errors import ConfigurationError
from flows.platform import supervisor
from flows.platform.health import print_line, wait_for_server
from flows.platform.paths import sqlite_uri, store_folder
from flows.platform.prefect_internals import FOR_ONE_SWEEP, HOST, database_file
from flows.platform.programs import START_SECONDS, Program, keep_running
from flows.platform.startup import create_tables, keep_tables

ANSWER_SECONDS = 30.0  # for a server that is said to run: the service may be starting it again
GRACE_SECONDS = 2.0
UI_LOG, PREFECT_LOG = "ui.log", "prefect.log"
# An option of uvicorn: connections that a browser keeps open do not delay the end.
QUICK_END = "--timeout-graceful-shutdown 2"
LOCAL = "127.0.0.1"
STORE = "MLFLOW_BACKEND_STORE_URI"  # the variable that names the store of MLflow's server


def make_store_folder() -> None:
    """Make the store's folder if there is none; Prefect needs it when it is imported.

    Raises
    ------
    ConfigurationError
        If it can't be made.
    """
    try:
        store_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"store: {store_folder()} can't be made ({error.strerror}); allowed: a working folder that can be written"
        ) from None


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return probe.getsockname()[1]


def check_free(option: str, host: str, port: int) -> None:
    """Raise a ConfigurationError if a port is taken, or if the host is no address of this machine."""
    try:
        socket.getaddrinfo(host, port, socket.AF_INET)
        socket.create_server((host, port)).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise ConfigurationError(
                f"--host: {host} given ({reason}); allowed: a name or IPv4 address of this machine"
            ) from None
        raise ConfigurationError(f"{option}: {port} given at {host} ({reason}); allowed: a free port") from None


class PrefectServer(Program):
    """A Prefect server of this process: it ends when this process does, and is started again if it ends earlier."""

    def __init__(self) -> None:
        self.port = free_port()
        login = secrets.token_urlsafe()  # other users of this machine must not write to the store's database
        environment = FOR_ONE_SWEEP | own_database() | {HOST: LOCAL, "PREFECT_SERVER_API_AUTH_STRING": login}
        os.environ["PREFECT_API_AUTH_STRING"] = login
        log = store_folder() / PREFECT_LOG
        super().__init__("Prefect's server", prefect_command(LOCAL, self.port), environment, log, GRACE_SECONDS)
        database = database_file(os.environ | environment)
        self.new_database = database if database and not database.exists() else None
        if self.new_database:
            create_tables(self.new_database)
        self.start()

    def listens(self) -> bool:
        """Return whether it is this server that has its port, which was free when it was chosen, but not yet taken."""
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
            connections = [connection for process in family for connection in process.net_connections("tcp4")]
        except psutil.NoSuchProcess:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in connections)

    def keep_running(self) -> None:
        """Start the server again whenever it ends; Prefect's client repeats its requests for a minute."""
        threading.Thread(target=self.restart, name=self.name, daemon=True).start()

    def restart(self) -> None:
        """Start the server again when it ends, until it has ended soon after its start again and again."""
        if keep_running([self]):
            print_line(f"{self.name} does not keep running; {self.log} says why")


def start_prefect_server() -> PrefectServer | None:
    """Start a Prefect server that ends when this process does, unless PREFECT_API_URL names a server.

    The caller can do something else while it starts; `wait_for_prefect` waits for it.
    """
    if os.environ.get("PREFECT_API_URL"):
        return None
    make_store_folder()
    server = PrefectServer()
    # Exit handlers run in reverse order: the server ends after Prefect, imported later, has sent its last events.
    atexit.register(server.end)
    os.environ["PREFECT_API_URL"] = f"http://{LOCAL}:{server.port}/api"
    # The check is a client's first request, which Prefect does not repeat while the server is started again.
    os.environ["PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED"] = "false"
    return server


def wait_for_prefect(server: PrefectServer | None, say: Callable[[str], object] | None = None) -> None:
    """Return when the server at PREFECT_API_URL answers; from then on it is kept running if it is this process's own.

    Parameters
    ----------
    server : PrefectServer or None
        The value that `start_prefect_server` returned.
    say : callable, optional
        See `wait_for_server`.

    Raises
    ------
    ConfigurationError
        If no server answers in time, or another program took its port.
    """
    address = os.environ["PREFECT_API_URL"]
    if server is None:
        return wait_for_server(address, "PREFECT_API_URL", ANSWER_SECONDS, None, say)
    server.wait_for(address, say)
    if not server.listens():
        raise ConfigurationError(
            f"Prefect's server: another program took port {server.port} first; allowed: the same command again"
        )
    if server.new_database:
        keep_tables(server.new_database)
    server.keep_running()


def own_database(number: int = 0) -> dict[str, str]:
    """Variables that give a Prefect server the store's database, or the next one if another server uses that.

    Two servers that create the tables of one database at once break it.
    """
    name = f"prefect-{number}" if number else "prefect"
    lock = FileLock(store_folder() / f"{name}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return own_database(number + 1)
    except OSError as error:
        raise ConfigurationError(
            f"store: {store_folder()} can't be written ({error.strerror}); allowed: a folder that can"
        ) from None
    atexit.register(lock.release)
    address = sqlite_uri(store_folder() / "prefect" / f"{name}.db", "sqlite+aiosqlite")
    return {"PREFECT_API_DATABASE_CONNECTION_URL": address} if number else {}


def prefect_command(host: str, port: int) -> list[str]:
    """Command line of Prefect's server; the variable `HOST` has to name the host, too."""
    app, quiet = "flows.platform.prefect_internals:create_app", ["--log-level", "warning", *QUICK_END.split()]
    return [sys.executable, "-m", "uvicorn", "--factory", app, "--host", host, "--port", str(port), *quiet]


def mlflow_command(host: str, port: int) -> list[str]:
    """Command line of MLflow's server: one worker process, and artifacts through the server.

    The variable `STORE` has to name the store: its address may hold a password, and every user can read command lines.
    """
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--host", host, "--port", str(port), "--workers", "1", "--uvicorn-opts", QUICK_END),
        *("--artifacts-destination", str(store_folder() / "artifacts")),
    ]


def start_ui(uri: str, port: int) -> subprocess.Popen[bytes]:
    """Serve MLflow's pages on a store, to this machine only and without jobs; return when they can be opened."""
    check_free("--port", LOCAL, port)
    environment = os.environ | {STORE: uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = Path(os.devnull)
    if os.access(store_folder().parent, os.W_OK):  # a store that can't be written can be read all the same
        make_store_folder()
        log = store_folder() / UI_LOG
    server = supervisor.start(mlflow_command(LOCAL, port), GRACE_SECONDS, log, environment)
    wait_for_server(f"http://{LOCAL}:{port}", f"MLflow's server (see {log})", START_SECONDS, server)
    return server
