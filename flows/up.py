"""`mlp up`: MLflow's server, Prefect's server and a worker, kept alive together until someone ends them."""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.environment import store_folder
from flows.errors import ConfigurationError
from flows.owner import this_process
from flows.security import Login, mlflow_security
from flows.service import address_file, check_free, mlflow_command, on_leash, prefect_command, running_service, wait_for
from flows.tracking import open_store, tracking_uri

LOCAL = "127.0.0.1"
GRACE_SECONDS = 20  # for a sweep to close its runs
# A child that lives shorter than this, so many times in a row, will not get better by another start.
SHORT_LIFE_SECONDS, MOST_SHORT_LIVES = 15.0, 3


@dataclass
class Child:
    """A program that is kept running; its output goes to a log file."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: Any = None
    started: float = 0.0
    short_lives: int = field(default=0)

    @property
    def log(self) -> Path:
        return store_folder() / "logs" / f"{self.name}.log"

    def start(self) -> None:
        """Start it on a leash: it ends when this process does, however that ends."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        self.process = on_leash(self.command, GRACE_SECONDS, self.log, os.environ | self.environment)

    def end(self) -> None:
        """End it and whatever it started; returns when it is gone."""
        if self.process:
            self.process.communicate()


def up(
    host: str, mlflow_port: int, prefect_port: int, database: str | None, login: Login | None, console: Console
) -> int:
    """Run the service until Ctrl-C or SIGTERM.

    Returns
    -------
    int
        Exit code: 0, or 1 if a child does not stay alive.
    """
    if host != LOCAL and login is None:
        raise ConfigurationError(f"--host: {host} given without --auth; allowed: {LOCAL}, or any with --auth FILE")
    if service := running_service():
        raise ConfigurationError(f"store: {store_folder()} is served already, by process {service['owner'].split()[1]}")
    check_free("--mlflow-port", host, mlflow_port)
    check_free("--prefect-port", host, prefect_port)
    mlflow_store, prefect_store = databases(database)
    open_store(mlflow_store)

    reach = LOCAL if host in (LOCAL, "0.0.0.0") else host
    addresses = {
        "MLFLOW_TRACKING_URI": f"http://{reach}:{mlflow_port}",
        "PREFECT_API_URL": f"http://{reach}:{prefect_port}/api",
    }
    clients = addresses | (login.client_environment() if login else {})
    os.environ.update(clients)
    servers = mlflow_security(host, mlflow_port, login) | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PREFECT_UI_API_URL": "/api",
    }
    mlflow = mlflow_command(mlflow_store, host, mlflow_port) + (["--app-name", "basic-auth"] if login else [])
    prefect = prefect_command(host, prefect_port)
    children = [
        Child("mlflow", mlflow, servers),
        Child("prefect", prefect, servers | prefect_store | (login.prefect_server_environment() if login else {})),
    ]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with console.status("Starting MLflow's server, Prefect's server and a worker …"):
            for child in children:
                child.start()
            # Imported while the servers start: it takes some seconds.
            from flows.deployments import POOL, register_form

            wait_for(f"{addresses['MLFLOW_TRACKING_URI']}/health", f"MLflow (see {children[0].log})")
            wait_for(f"{addresses['PREFECT_API_URL']}/health", f"Prefect (see {children[1].log})")
            register_form()
            work = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
            children.append(Child("worker", work, clients))
            children[-1].start()
        publish(clients)
        pages = addresses["PREFECT_API_URL"].removesuffix("/api")
        console.print(
            f"MLflow:   {addresses['MLFLOW_TRACKING_URI']}\nPrefect:  {pages}\nLogs:     {children[0].log.parent}"
        )
        console.print("Ctrl-C ends all of them.")
        return keep_alive(children, console)
    except KeyboardInterrupt:
        console.print("Ending …")
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        address_file().unlink(missing_ok=True)
        for child in reversed(children):
            child.end()


def databases(database: str | None) -> tuple[str, dict[str, str]]:
    """MLflow's store, and the variables that give Prefect its own, the database of the same name with `_prefect`."""
    if database is None:
        return f"sqlite:///{store_folder()}/mlflow.db", {}
    scheme, separator, rest = database.partition("://")
    if scheme != "postgresql" or not separator or "/" not in rest:
        raise ConfigurationError(f"--database: {database!r} given; allowed: postgresql://user@host/name")
    place, question, options = rest.partition("?")
    return tracking_uri(database), {
        "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{place}_prefect{question}{options}"
    }


def publish(environment: dict[str, str]) -> None:
    """Tell the other commands on this store where the servers are; only this user may read it."""
    draft = address_file().with_suffix(".draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"owner": this_process(), "environment": environment}, file)
    draft.replace(address_file())


def keep_alive(children: list[Child], console: Console) -> int:
    """Start again whichever child ends; returns 1 when one ends at once, again and again."""
    while True:
        # Waits for any child, and leaves it for its Popen to collect.
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        child = next(child for child in children if ended and child.process.pid == ended.si_pid)
        child.end()
        short = time.monotonic() - child.started < SHORT_LIFE_SECONDS
        child.short_lives = child.short_lives + 1 if short else 0
        if child.short_lives == MOST_SHORT_LIVES:
            console.print(f"[red]mlp:[/] {child.name} does not stay alive; {child.log} says why")
            return 1
        console.print(f"{child.name} ended ({child.process.returncode}); started again")
        time.sleep(1)
        child.start()
