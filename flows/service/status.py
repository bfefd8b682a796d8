"""Status of the service: its servers, its schedules and their latest runs, the latest sweeps, what trains now."""

import os
from datetime import UTC, datetime
from itertools import islice

from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.schemas.filters import FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.platform.health import health_problem, without_login
from flows.platform.paths import tracking_uri
from flows.platform.service_file import running_service
from flows.service.schedules import FORM, deployments, next_run, runs_of, timing
from flows.store import outbox
from flows.store.connection import open_store
from flows.store.sweeps import count_cells, named_sweeps
from flows.sweep.ownership import PROGRESS, is_alive

LATEST = 5  # sweeps, and runs of schedules
BEGUN = FlowRunFilterStateType(not_any_=[StateType.SCHEDULED, StateType.PENDING])


def print_status(console: Console) -> None:
    """Print the servers, the schedules, the latest sweeps, and the cells that wait for delivery."""
    service = running_service()
    console.print("Service:  " + (f"process {service.process}" if service else "not running; start `mlp up`"))
    problems = {name: print_server(name, variable, console) for name, variable in SERVERS.items()}
    if os.environ.get("PREFECT_API_URL") and problems["Prefect"] is None:
        print_schedules(console)
    client = open_store(tracking_uri(None))
    print_sweeps(client, console)
    print_progress(client, console)
    for uri, paths in outbox.waiting().items():
        waiting = f"{len(paths)} cells for {escape(without_login(uri))}"
        console.print(f"[yellow]Waiting:[/]  {waiting}; `mlp sync` delivers them", highlight=False)


SERVERS = {"MLflow": "MLFLOW_TRACKING_URI", "Prefect": "PREFECT_API_URL"}


def print_server(name: str, variable: str, console: Console) -> str | None:
    """Print whether the server that a variable names answers, and return why it does not."""
    address = os.environ.get(variable)
    if not address:
        return None
    label = f"{name + ':':<9} {without_login(address)}"
    if not address.startswith("http"):
        console.print(f"{label} is a database, without a server")
        return None
    problem = health_problem(address)
    console.print(f"{label} {'answers' if problem is None else f'does not answer ({problem})'}")
    return problem


def print_schedules(console: Console) -> None:
    """Print the schedules, when each runs next, and how their latest runs ended."""
    schedules = [deployment for deployment in deployments() if deployment.name != FORM]
    if not schedules:
        return console.print("Nothing is scheduled.")
    table = new_table("schedule", "when", "next")
    for deployment in schedules:
        table.add_row(deployment.name, timing(deployment), local_time(next_run(deployment.id)))
    console.print(table)
    names = {deployment.id: deployment.name for deployment in schedules}
    runs = new_table("run of", "begun", "state")
    for run in runs_of(list(names), BEGUN, sort=FlowRunSort.START_TIME_DESC, limit=LATEST):
        state = run.state.message or run.state.name if run.state else "–"
        runs.add_row(names[run.deployment_id] if run.deployment_id else "–", local_time(run.start_time), state)
    if runs.row_count:
        console.print(runs)


def print_sweeps(client: MlflowClient, console: Console) -> None:
    """Print the latest sweeps of all experiments."""
    table = new_table("sweep", "begun", "status", "cells")
    for experiment, run in islice(named_sweeps(client), LATEST):
        status = "died" if run.info.status == "RUNNING" and not is_alive(run) else run.info.status
        counts = ", ".join(f"{n} {name}" for name, n in count_cells(client, run).items())
        table.add_row(experiment, local_time(begun(run)), status, counts)
    console.print(table if table.row_count else "No sweep so far.")


def print_progress(client: MlflowClient, console: Console) -> None:
    """Print the progress of each sweep that trains now, in whatever process and on whatever machine."""
    for experiment, run in named_sweeps(client, "attributes.status = 'RUNNING'"):
        if is_alive(run):
            line = run.data.tags.get(PROGRESS, "has just begun")
            console.print(f"Training: {experiment}: {line}", highlight=False, markup=False)


def new_table(*titles: str) -> Table:
    """A table that cuts nothing: texts that are too long for their column go on in the next line."""
    table = Table(box=SIMPLE_HEAD)
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in ("begun", "next", "status"))
    return table


def begun(run: Run) -> datetime:
    """Start of a run in MLflow."""
    return datetime.fromtimestamp(run.info.start_time / 1000, UTC)


def local_time(moment: datetime | None) -> str:
    """A moment on this machine's clock."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "–"
