"""Servers: where they are, how one is started, and whether it answers."""

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from filelock import FileLock, Timeout

from flows.environment import make_store_folder, store_folder
from flows.errors import ConfigurationError
from flows.owner import runs_here

START_SECONDS = 120
PREFECT_LOG, UI_LOG = "prefect.log", "ui.log"
# Options of uvicorn: pages that are open in a browser do not hold up the end.
QUICK_END = "--timeout-graceful-shutdown 2"


def address_file() -> Path:
    """Where `mlp up` says what it runs, for the other commands to find."""
    return store_folder() / "up.json"


def running_service() -> dict | None:
    """What `mlp up` runs on this store: its owner, and by name the variables that lead to its servers."""
    try:
        service = json.loads(address_file().read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return service if runs_here(service["owner"]) else None


def use_running_service() -> None:
    """Have this process use the servers of `mlp up`, if it runs; what the user has set stays."""
    if service := running_service():
        for name, value in service["environment"].items():
            os.environ.setdefault(name, value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_prefect_server() -> None:
    """Start a Prefect server that lives as long as this process, unless PREFECT_API_URL names one already.

    It starts while the caller does something else: `wait_for_prefect` before the first flow.
    """
    if os.environ.get("PREFECT_API_URL"):
        return
    make_store_folder()
    port = free_port()
    environment = os.environ | own_database()
    server = on_leash(prefect_command("127.0.0.1", port), 2, store_folder() / PREFECT_LOG, environment)
    # What Prefect, imported later, still wants to say when the process ends comes before this.
    atexit.register(server.communicate)
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"


def own_database() -> dict[str, str]:
    """The variable that gives a Prefect server a database of its own, if another one serves the store's.

    Servers that make the tables of one database at once break each other.
    """
    lock = FileLock(store_folder() / "prefect.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        folder = tempfile.mkdtemp(prefix="mlp-prefect-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/prefect.db"}
    atexit.register(lock.release)  # until then it is held
    return {}


def on_leash(command: list[str], grace_seconds: int, log: Path, environment: dict[str, str]) -> subprocess.Popen:
    """Start a program that ends when its standard input closes, which happens even if this process is killed.

    A session of its own keeps the terminal's Ctrl-C from it: who started it decides when it ends.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.leash", str(grace_seconds), *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def prefect_command(host: str, port: int) -> list[str]:
    """Prefect's server."""
    app = ["--factory", "prefect.server.api.server:create_app"]
    quiet = ["--log-level", "warning", *QUICK_END.split()]
    return [sys.executable, "-m", "uvicorn", *app, "--host", host, "--port", str(port), *quiet]


def wait_for_prefect() -> None:
    """Return when the server at PREFECT_API_URL answers."""
    wait_for(f"{os.environ['PREFECT_API_URL'].rstrip('/')}/health", f"PREFECT_API_URL (see mlruns/{PREFECT_LOG})")


def wait_for(address: str, name: str, seconds: float = START_SECONDS) -> None:
    """Return when a server answers at an address."""
    deadline = time.monotonic() + seconds
    while (error := silence(address)) is not None:
        if time.monotonic() > deadline:
            raise ConfigurationError(f"{name}: no answer from {address} ({error})")
        time.sleep(0.1)


def silence(address: str) -> Exception | None:
    """Why no server answers at an address; None if one does, even if it wants a password."""
    try:
        urlopen(address, timeout=5).close()
    except HTTPError as error:
        return None if error.code == 401 else error
    except (URLError, OSError) as error:
        return error
    return None


def check_free(option: str, host: str, port: int) -> None:
    """Raise a ConfigurationError if a port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"{option}: {port} given at {host} ({error.strerror}); allowed: a free one"
            ) from None


def mlflow_command(uri: str, host: str, port: int) -> list[str]:
    """MLflow's server on a store: one worker, artifacts by way of the server."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", host]
    return [
        *command,
        "--port",
        str(port),
        "--workers",
        "1",
        "--uvicorn-opts",
        QUICK_END,
        "--artifacts-destination",
        str(store_folder() / "artifacts"),
    ]


def start_ui(uri: str, port: int) -> subprocess.Popen:
    """Serve MLflow's pages on a store, to this machine only and without jobs; returns when they can be opened."""
    if uri.startswith("http"):
        raise ConfigurationError(f"tracking URI: {uri} given, which has its pages already: open it in a browser")
    check_free("--port", "127.0.0.1", port)
    make_store_folder()
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = store_folder() / UI_LOG
    server = on_leash(mlflow_command(uri, "127.0.0.1", port), 2, log, environment)
    wait_for(f"http://127.0.0.1:{port}/health", f"MLflow (see {log})")
    return server
