"""MLflow's and Prefect's servers, and how they are started."""

import atexit
import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from flows.errors import ConfigurationError
from flows.platform import supervisor
from flows.platform.health import print_line, wait_for_server
from flows.platform.paths import sqlite_uri, store_folder
from flows.platform.prefect_database import database_file, keep_statements

START_SECONDS = 120.0  # for a server that has just been started, on a slow disk
ANSWER_SECONDS = 30.0  # for a server that is said to run: the service may be starting it again
GRACE_SECONDS = 2.0
UI_LOG, PREFECT_LOG = "ui.log", "prefect.log"
# An option of uvicorn: connections that a browser keeps open do not delay the end.
QUICK_END = "--timeout-graceful-shutdown 2"
LOCAL = "127.0.0.1"
# After so many lives in a row that were this short, another start of a server would not help.
SHORT_LIFE_SECONDS, MAX_SHORT_LIVES = 15.0, 3


def make_store_folder() -> None:
    """Make the store's folder if there is none; Prefect needs it when it is imported."""
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


def is_free(host: str, port: int) -> bool:
    """Whether a server can be started on a port."""
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


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


class PrefectServer:
    """A Prefect server of this process: it ends when this process does, and is started again if it ends earlier.

    Attributes
    ----------
    process : Popen
        Its supervisor, the latest one.
    """

    def __init__(self) -> None:
        self.port, self.environment = free_port(), os.environ | own_database()
        self.log = store_folder() / PREFECT_LOG
        self.ending, self.lock = False, threading.Lock()
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server on its port."""
        command = prefect_command(LOCAL, self.port, "flows.platform.prefect_server:create")
        return supervisor.start(command, GRACE_SECONDS, self.log, self.environment)

    def listens(self) -> bool:
        """Whether it is this server that has its port, which was free when it was chosen, but not yet taken."""
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
            connections = [connection for process in family for connection in process.net_connections("tcp4")]
        except psutil.NoSuchProcess:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in connections)

    def end(self) -> None:
        """End the server, and return when it has ended."""
        with self.lock:
            self.ending = True
        self.process.communicate()

    def keep_running(self) -> None:
        """Start the server again whenever it ends; Prefect's client repeats its requests for a minute."""
        threading.Thread(target=self.restart, name="Prefect's server", daemon=True).start()

    def restart(self) -> None:
        """Start the server again when it ends, until it has ended soon after its start again and again."""
        short_lives = 0
        while True:
            begun = time.monotonic()
            code = self.process.wait()
            self.process.communicate()  # closes the pipe
            short_lives = short_lives + 1 if time.monotonic() - begun < SHORT_LIFE_SECONDS else 0
            if short_lives == MAX_SHORT_LIVES:
                return print_line(f"Prefect's server does not keep running; {self.log} says why")
            # If its supervisor was killed, the server may take some seconds to end.
            deadline = time.monotonic() + SHORT_LIFE_SECONDS
            while not is_free(LOCAL, self.port) and time.monotonic() < deadline:
                time.sleep(0.1)
            with self.lock:
                if self.ending:
                    return
                print_line(f"Prefect's server ended ({code}); started again")
                self.process = self.start()


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
        What `start_prefect_server` returned.
    say : callable, optional
        See `wait_for_server`.
    """
    address = os.environ["PREFECT_API_URL"]
    if server is None:
        return wait_for_server(address, "PREFECT_API_URL", ANSWER_SECONDS, None, say)
    wait_for_server(address, f"Prefect's server (see {server.log})", START_SECONDS, server.process, say)
    if not server.listens():
        raise ConfigurationError(
            f"Prefect's server: another program took port {server.port} first; allowed: the same command again"
        )
    if path := database_file(server.environment):
        keep_statements(path)
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


def prefect_command(host: str, port: int, app: str = "prefect.server.api.server:create_app") -> list[str]:
    """Command line of Prefect's server, or of a smaller application of it."""
    quiet = ["--log-level", "warning", *QUICK_END.split()]
    return [sys.executable, "-m", "uvicorn", "--factory", app, "--host", host, "--port", str(port), *quiet]


def mlflow_command(uri: str, host: str, port: int) -> list[str]:
    """Command line of MLflow's server on a store: one worker process, and artifacts through the server."""
    return [
        *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri),
        *("--host", host, "--port", str(port), "--workers", "1", "--uvicorn-opts", QUICK_END),
        *("--artifacts-destination", str(store_folder() / "artifacts")),
    ]


def start_ui(uri: str, port: int) -> subprocess.Popen[bytes]:
    """Serve MLflow's pages on a store, to this machine only and without jobs; return when they can be opened."""
    check_free("--port", LOCAL, port)
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = Path(os.devnull)
    if os.access(store_folder().parent, os.W_OK):  # a store that can't be written can be read all the same
        make_store_folder()
        log = store_folder() / UI_LOG
    server = supervisor.start(mlflow_command(uri, LOCAL, port), GRACE_SECONDS, log, environment)
    wait_for_server(f"http://{LOCAL}:{port}", f"MLflow's server (see {log})", START_SECONDS, server)
    return server
