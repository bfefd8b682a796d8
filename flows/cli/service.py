"""The commands of `mlp` for what runs unattended: the service, its schedules, and results that wait for delivery."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows.cli.options import Data, Epochs, Grid, Seeds, Set, Shuffle, Source, console, errors, experiment_of
from flows.platform.health import without_login
from flows.platform.servers import LOCAL, make_store_folder

app = typer.Typer()


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Address to serve at; any but this machine's own needs --auth.")] = LOCAL,
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    prefect_port: Annotated[int, typer.Option(min=1, max=65535)] = 4200,
    database: Annotated[
        str | None,
        typer.Option(
            help="postgresql://user@host/name for MLflow, and name_prefect for Prefect.", show_default="sqlite"
        ),
    ] = None,
    auth: Annotated[Path | None, typer.Option(help="File with NAME:PASSWORD, the login of both servers.")] = None,
) -> None:
    """Serve MLflow, Prefect and a worker for scheduled sweeps, until Ctrl-C."""
    make_store_folder()
    from flows.service import up as service
    from flows.service.security import read_login

    def prepare() -> Callable[[], None]:
        from flows.service.deployments import register_form  # takes seconds
        from flows.service.flow_runs import keep_ending_dead_runs

        def on_ready() -> None:
            register_form()
            keep_ending_dead_runs()

        return on_ready

    login = read_login(auth) if auth else None
    raise typer.Exit(service.up(host, mlflow_port, prefect_port, database, login, prepare, console))


@app.command()
def status() -> None:
    """Show what runs, what is scheduled, and what the latest sweeps did."""
    make_store_folder()
    from flows.service.status import print_status

    print_status(console)


@app.command()
def schedule(
    source: Source,
    cron: Annotated[
        str | None, typer.Option(help="Minute, hour, day, month, weekday; for example '0 3 * * *'.")
    ] = None,
    every: Annotated[str | None, typer.Option(help="Interval, for example 30m, 6h or 1d.")] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of --cron, for example Europe/Berlin.")] = "UTC",
    name: Annotated[
        str | None, typer.Option(help="Name of the schedule.", show_default="the experiment's name")
    ] = None,
    data: Data = None,
    seeds: Seeds = None,
    shuffle: Shuffle = None,
    epochs: Epochs = None,
    settings: Set = None,
    axes: Grid = None,
    force: Annotated[
        bool, typer.Option("--force", help="Train all cells each time, not only those that are missing.")
    ] = False,
) -> None:
    """Have the service run a sweep again and again; a schedule of the same name is replaced."""
    experiment = experiment_of(source, data, seeds, shuffle, epochs, settings, axes)
    make_store_folder()
    from flows.platform.prefect_internals import next_times
    from flows.service import schedules

    name = name or experiment.name
    schedules.check_name(name)
    when = schedules.parse_schedule(cron, every, timezone)
    schedules.need_server()
    from flows.service.deployments import deploy

    deploy(name, experiment, when, force, experiment.description)
    times = ", ".join(f"{time:%Y-%m-%d %H:%M %Z}" for time in next_times(when))
    console.print(f"Scheduled: {name}, {cron or every}; `mlp schedules` lists all", highlight=False)
    console.print(f"Next:      {times}", highlight=False, soft_wrap=True)


@app.command()
def schedules() -> None:
    """List the schedules."""
    make_store_folder()
    from flows.service.status import print_schedules

    print_schedules(console)


@app.command()
def unschedule(name: Annotated[str, typer.Argument(help="Name of the schedule; see `mlp schedules`.")]) -> None:
    """Remove a schedule."""
    make_store_folder()
    from flows.service import schedules

    schedules.unschedule(name)
    console.print(f"No longer scheduled: {name}", highlight=False)


@app.command()
def sync() -> None:
    """Deliver results that could not be delivered to MLflow when they were computed."""
    from flows.store import outbox
    from flows.store.connection import open_store

    arrived = True
    for uri in outbox.waiting():
        sent = outbox.deliver_waiting(open_store(uri), uri)
        place, reason = escape(without_login(uri)), escape(sent.reason)
        console.print(f"{place}: {sent.delivered} cells delivered", highlight=False)
        if sent.refused:
            where = outbox.outbox() / outbox.REFUSED
            errors.print(f"{place}: {sent.refused} cells were refused ({reason}), and are in {where}", highlight=False)
        if sent.waiting:
            errors.print(f"{place}: {sent.waiting} cells still wait ({reason})", highlight=False)
        arrived = arrived and not (sent.refused or sent.waiting)
    raise typer.Exit(0 if arrived else 1)
