"""Commands that train, and those that say what would be trained."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import (
    Data,
    Epochs,
    Force,
    Grid,
    Seeds,
    Set,
    Shuffle,
    Source,
    Uri,
    Workers,
    console,
    experiment_of,
)
from flows.errors import ConfigurationError

if TYPE_CHECKING:
    from flows.plan.cell import Cell
    from flows.plan.experiment import Experiment
    from flows.sweep.options import SweepOptions

app = typer.Typer()
MAX_LINES = 8  # of the description of the work


class Runner(StrEnum):
    """The place where stacks train."""

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
    axes: Grid = None,
    tracking_uri: Uri = None,
    workers: Workers = None,
    memory: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1e6, help="Gigabytes for all stacks together.", show_default="half of the free memory"
        ),
    ] = None,
    runner: Annotated[Runner, typer.Option(help="Where stacks train.")] = Runner.processes,
    address: Annotated[str | None, typer.Option(help="Of the cluster, such as tcp://scheduler:8786.")] = None,
    force: Force = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be trained, and stop.")] = False,
) -> None:
    """Train every cell of an experiment that is not done yet, and compare all of them across seeds."""
    experiment = experiment_of(source, data, seeds, shuffle, epochs, settings, axes)
    if address and runner == Runner.processes:
        raise ConfigurationError(f"--address: {address!r} given without a cluster; allowed: with --runner dask or ray")
    from flows.sweep.options import SweepOptions

    options = SweepOptions(force, workers, memory, tracking_uri, runner, address)
    if dry_run:
        describe(experiment)
        missing = missing_cells(experiment, options.uri)
        print(f"# {len(experiment.cells()) - len(missing)} of them are done")
        describe_work(missing, options)
        return
    from flows.sweep.prompt import run_sweep

    raise typer.Exit(run_sweep(experiment, options, console))


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
    axes: Grid = None,
) -> None:
    """Print every field of an experiment, as YAML that `mlp run` reads."""
    describe(experiment_of(source, data, seeds, shuffle, epochs, settings, axes))


def describe(experiment: "Experiment") -> None:
    """Print an experiment; the number of cells is a comment, so that the output is a valid file."""
    import yaml

    cells = experiment.cells()
    print(yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, default_flow_style=None), end="")
    print(f"# {len(cells)} cells: {cells[0].name} … {cells[-1].name}")


def describe_work(cells: dict[str, "Cell"], options: "SweepOptions") -> None:
    """Print, as comments, how cells would be trained: the stacks of each worker, about how long, and their memory."""
    if not cells:
        print("# nothing to train")
        return
    from flows.plan.stacks import assigned, bytes_of_work, plan, title
    from flows.sweep.events import duration

    stacks = plan(cells, options.worker_count, options.bytes)
    works = assigned(stacks, options.worker_count)
    size, longest = sum(map(bytes_of_work, works)), max(work.seconds for work in works)
    counts = f"{len(stacks)} stack{'s' * (len(stacks) > 1)} on {len(works)} worker{'s' * (len(works) > 1)}"
    print(f"# {counts}, about {duration(longest)} of training and {size / 1e9:.1f} GB of memory")
    for number, work in enumerate(works[:MAX_LINES], start=1):
        of_worker = [f"{len(stack)} cells ({title(stack.values())})" for stack in work.stacks[:MAX_LINES]]
        more = [f"{len(work.stacks) - MAX_LINES} more"] if len(work.stacks) > MAX_LINES else []
        print(f"#   worker {number}, {duration(work.seconds)}: {'; '.join(of_worker + more)}")
    if len(works) > MAX_LINES:
        print(f"#   and {len(works) - MAX_LINES} more workers")


def missing_cells(experiment: "Experiment", uri: str) -> dict[str, "Cell"]:
    """The cells that are not finished in the store; if there is no store, none is made, and no data is loaded."""
    from flows.plan.preparation import keyed_cells
    from flows.platform.paths import sqlite_file
    from flows.store.artifacts import not_done
    from flows.store.connection import open_store
    from flows.store.experiments import find_experiment

    everything = {str(number): cell for number, cell in enumerate(experiment.cells())}
    if uri.startswith("sqlite") and not sqlite_file(uri).exists():
        return everything
    client = open_store(uri)
    known = find_experiment(client, experiment.name)
    return not_done(client, known.experiment_id, keyed_cells(experiment)) if known else everything
