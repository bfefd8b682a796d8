"""The commands of `mlp` for what runs unattended: the service, its schedules, and results that wait."""

from pathlib import Path
from typing import Annotated

import typer

from flows.environment import make_store_folder
from flows.options import Data, Epochs, Seeds, Set, Shuffle, Source, console, errors, experiment_of

app = typer.Typer()


@app.command()
def up(
    host: Annotated[
        str, typer.Option(help="Address to serve at; all but this machine's own demand --auth.")
    ] = "127.0.0.1",
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    prefect_port: Annotated[int, typer.Option(min=1, max=65535)] = 4200,
    database: Annotated[
        str | None,
        typer.Option(
            help="postgresql://user@host/name for MLflow, and name_prefect for Prefect.", show_default="sqlite"
        ),
    ] = None,
    auth: Annotated[Path | None, typer.Option(help="File with NAME:PASSWORD, which both servers then ask for.")] = None,
) -> None:
    """Serve MLflow, Prefect and a worker for scheduled sweeps, until Ctrl-C."""
    make_store_folder()
    from flows import up
    from flows.security import read_login

    login = read_login(auth) if auth else None
    raise typer.Exit(up.up(host, mlflow_port, prefect_port, database, login, console))


@app.command()
def status() -> None:
    """Tell what runs, what is scheduled, and what the last sweeps did."""
    make_store_folder()
    from flows.status import tell_status

    tell_status(console)


@app.command()
def schedule(
    source: Source,
    cron: Annotated[str | None, typer.Option(help="When, in UTC, for example '0 3 * * *'.")] = None,
    every: Annotated[str | None, typer.Option(help="How often, for example 30m, 6h or 1d.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the schedule.", show_default="the experiment's")] = None,
    data: Data = None,
    seeds: Seeds = None,
    shuffle: Shuffle = None,
    epochs: Epochs = None,
    settings: Set = None,
    force: Annotated[
        bool, typer.Option("--force", help="Train all cells each time, not only what is missing.")
    ] = False,
) -> None:
    """Have the service run a sweep again and again."""
    experiment = experiment_of(source, data, seeds, shuffle, epochs, settings)
    make_store_folder()
    from flows import deployments

    deployments.schedule(experiment, name or experiment.name, cron, every, force)
    console.print(f"Scheduled: {name or experiment.name}, {cron or every}; `mlp schedules` lists all", highlight=False)


@app.command()
def schedules() -> None:
    """List what is scheduled."""
    make_store_folder()
    from flows.status import tell_schedules

    tell_schedules(console)


@app.command()
def unschedule(name: Annotated[str, typer.Argument(help="Of the schedule; see `mlp schedules`.")]) -> None:
    """Remove a schedule."""
    make_store_folder()
    from flows import deployments

    deployments.need_server()
    deployments.unschedule(name)
    console.print(f"No longer scheduled: {name}", highlight=False)


@app.command()
def sync() -> None:
    """Deliver results that MLflow could not be given when they were made."""
    from flows import outbox
    from flows.tracking import open_store

    left = 0
    for uri in outbox.waiting():
        sent = outbox.send(open_store(uri), uri)
        console.print(f"{uri}: {sent.delivered} cells delivered", highlight=False)
        if sent.waiting:
            errors.print(f"{uri}: {sent.waiting} cells wait on ({sent.reason})", highlight=False)
            left += sent.waiting
    raise typer.Exit(1 if left else 0)
