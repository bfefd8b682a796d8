"""Commands that train, and those that say what would be trained."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Data, Epochs, Force, Seeds, Set, Shuffle, Source, Uri, Workers, console, experiment_of
from flows.errors import ConfigurationError

if TYPE_CHECKING:
    from flows.plan.experiment import Experiment

app = typer.Typer()


class Runner(StrEnum):
    """Where stacks train."""

    processes = "processes"
    dask = "dask"
    ray = "ray"


@app.command()
def run(
    source: Source = "demo",
    data: Data = None,
    seeds: Seeds = None,
    shuffle: Shuffle = None,
    epochs: Epochs = None,
    settings: Set = None,
    tracking_uri: Uri = None,
    workers: Workers = None,
    memory: Annotated[
        float | None,
        typer.Option(min=0.001, help="Gigabytes for all stacks together.", show_default="half of the free memory"),
    ] = None,
    runner: Annotated[Runner, typer.Option(help="Where stacks train.")] = Runner.processes,
    address: Annotated[str | None, typer.Option(help="Of the cluster, such as tcp://scheduler:8786.")] = None,
    force: Force = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be trained, and stop.")] = False,
) -> None:
    """Train every cell of an experiment that is not done yet, and compare all of them across seeds."""
    experiment = experiment_of(source, data, seeds, shuffle, epochs, settings)
    if address and runner == Runner.processes:
        raise ConfigurationError(f"--address: {address!r} given without a cluster; allowed: with --runner dask or ray")
    if dry_run:
        describe(experiment)
        print(f"# {count_done(experiment, tracking_uri)} of them are done")
        return
    from flows.sweep.prompt import run_sweep

    raise typer.Exit(run_sweep(experiment, force, workers, memory, tracking_uri, console, runner, address))


@app.command()
def presets() -> None:
    """List the presets."""
    from flows.plan.configuration import load_experiment, preset_names

    for name in preset_names():
        experiment = load_experiment(name)
        console.print(f"[bold]{name}[/]  {len(experiment.cells())} cells\n  {experiment.description}")


@app.command()
def show(
    source: Source,
    data: Data = None,
    seeds: Seeds = None,
    shuffle: Shuffle = None,
    epochs: Epochs = None,
    settings: Set = None,
) -> None:
    """Print every field of an experiment, as YAML that `mlp run` reads."""
    describe(experiment_of(source, data, seeds, shuffle, epochs, settings))


def describe(experiment: "Experiment") -> None:
    """Print an experiment; the number of cells is a comment, so that the output is a valid file."""
    import yaml

    cells = experiment.cells()
    print(yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, default_flow_style=None), end="")
    print(f"# {len(cells)} cells: {cells[0].name} … {cells[-1].name}")


def count_done(experiment: "Experiment", tracking_server: str | None) -> int:
    """How many cells of an experiment are finished in the store; if there is no store, none is made."""
    from flows.plan.preparation import keyed_cells
    from flows.platform.paths import sqlite_file, tracking_uri
    from flows.store.artifacts import not_done
    from flows.store.connection import open_store

    uri = tracking_uri(tracking_server)
    if uri.startswith("sqlite") and not sqlite_file(uri).exists():
        return 0
    client = open_store(uri)
    known = client.get_experiment_by_name(experiment.name)
    if known is None:
        return 0
    cells = keyed_cells(experiment)
    return len(cells) - len(not_done(client, known.experiment_id, cells))
