"""What the service does: its servers, its schedules, its last sweeps."""

import os
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from flows import outbox
from flows.deployments import FORM, deployments, need_server, next_runs, timing
from flows.liveness import is_alive
from flows.resume import latest_sweeps
from flows.service import running_service, silence
from flows.tracking import open_store, tracking_uri


def tell_status(console: Console) -> None:
    """Print all of it."""
    service = running_service()
    console.print(
        "Service:  " + (f"process {service['owner'].split()[1]}" if service else "not running; start `mlp up`")
    )
    for name, variable in (("MLflow", "MLFLOW_TRACKING_URI"), ("Prefect", "PREFECT_API_URL")):
        if address := os.environ.get(variable):
            error = silence(f"{address.rstrip('/')}/health")
            console.print(f"{name + ':':<9} {address} {'answers' if error is None else f'does not answer ({error})'}")
    if os.environ.get("PREFECT_API_URL"):
        tell_schedules(console)
    tell_sweeps(console)
    for uri, paths in outbox.waiting().items():
        console.print(f"[yellow]Waiting:[/]  {len(paths)} cells for {uri}; `mlp sync` delivers them", highlight=False)


def tell_schedules(console: Console) -> None:
    """Print the schedules, and when each runs next."""
    need_server()
    upcoming = next_runs()
    table = Table("schedule", "when", "next", box=SIMPLE_HEAD)
    for deployment in deployments():
        if deployment.name != FORM:
            table.add_row(deployment.name, timing(deployment), local_time(upcoming.get(deployment.id)))
    console.print(table if table.row_count else "Nothing is scheduled.")


def tell_sweeps(console: Console) -> None:
    """Print the last sweeps, of all experiments."""
    client = open_store(tracking_uri(None))
    table = Table("sweep", "begun", "status", "cells", box=SIMPLE_HEAD)
    for experiment, run, cells in latest_sweeps(client, 5):
        begun = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
        status = "died" if run.info.status == "RUNNING" and not is_alive(run) else run.info.status
        table.add_row(experiment, local_time(begun), status, ", ".join(f"{n} {name}" for name, n in cells.items()))
    console.print(table if table.row_count else "No sweep so far.")


def local_time(moment: datetime | None) -> str:
    """A moment on this machine's clock."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "–"
