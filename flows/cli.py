"""The `mlp` command. What is slow to import is imported where it is used, so that `mlp --help` answers at once."""

import atexit
import gc
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import service_commands
from flows.environment import prepare_environment
from flows.errors import ConfigurationError
from flows.options import Data, Epochs, Force, Seeds, Set, Shuffle, Source, Uri, Workers, console, errors, experiment_of

app = typer.Typer(
    help="What does a network learn, and what does it only memorize? MNIST perceptrons over seeds and label shuffles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
        typer.Option(min=0.001, help="Gigabytes for the stacks together.", show_default="half of what is free"),
    ] = None,
    runner: Annotated[Runner, typer.Option(help="Where stacks train.")] = Runner.processes,
    address: Annotated[str | None, typer.Option(help="Of the cluster, such as tcp://scheduler:8786.")] = None,
    force: Force = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be trained, and stop.")] = False,
) -> None:
    """Train every cell of an experiment that is not done yet, and compare them across seeds."""
    experiment = experiment_of(source, data, seeds, shuffle, epochs, settings)
    if dry_run:
        describe(experiment)
        return
    from flows.run import run_sweep

    raise typer.Exit(run_sweep(experiment, force, workers, memory, tracking_uri, console, runner, address))


@app.command("compare")
def compare_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EXPERIMENT|SWEEP]...",
            help="Names of experiments, whose latest sweep is meant, or run ids of sweeps.",
            show_default="the latest sweep",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Params whose values make a group, for example fraction,hidden.")
    ] = "fraction",
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", help="Show this metric, with its interval; may be repeated.")
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="NAME=VALUE",
            help="Test each --metric, else test/accuracy, against this group, seed by seed; for example fraction=0.",
        ),
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All finished cells, not the latest sweep's only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, every metric.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, every metric.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="Print the report, a page that needs no network.")] = False,
    tracking_uri: Uri = None,
) -> None:
    """Compare finished cells across seeds."""
    if as_json + as_csv + as_markdown + as_html > 1:
        raise ConfigurationError("--json, --csv, --markdown, --html: several given; allowed: one")
    from flows import results, tables
    from flows.compare import compare
    from flows.tracking import open_store
    from flows.tracking import tracking_uri as resolve

    client = open_store(resolve(tracking_uri))
    selection = results.select(client, sources or [], everything)
    shown = results.check_metrics(selection.cells, metrics or [])
    comparison = compare(selection.cells, by.split(","), baseline, shown or ["test/accuracy"])
    if as_html:
        from flows.page import page

        print(page(client, selection, by.split(","), baseline))
        return
    for note in selection.notes + comparison.notes:
        errors.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    if as_json:
        print(tables.as_json(comparison, shown))
    elif as_csv:
        print(tables.as_csv(comparison, shown), end="")
    elif as_markdown:
        print(tables.as_markdown(comparison, shown))
    else:
        if not shown:
            console.print(tables.overview(comparison, selection.title))
        for metric in shown or ["test/accuracy"] * bool(baseline):
            console.print(tables.detail(comparison, metric))


@app.command()
def reproduce(
    claim: Annotated[str | None, typer.Argument(help="Name of a claim, or all.", show_default="list them")] = None,
    scale: Annotated[
        str, typer.Option(metavar="small|full", help="Seconds to two minutes a claim, or the size of the paper.")
    ] = "small",
    data: Data = None,
    tracking_uri: Uri = None,
    workers: Workers = None,
    force: Force = False,
    write: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write all verdicts of the store there, as claims.md.")
    ] = None,
) -> None:
    """Test what the lesson and its papers claim, and print the verdict; without a claim, list them."""
    from flows.claim import CLAIM_NAMES, load_claim

    claims = [load_claim(name, scale, data) for name in (CLAIM_NAMES if claim == "all" else [claim] if claim else [])]
    # Only now, when it is known that there is something to do: this takes seconds.
    from flows import reproduce as reproduction

    for one in claims:
        if code := reproduction.reproduce(one, force, workers, tracking_uri, console):
            raise typer.Exit(code)
    if len(claims) != 1 or write:
        reproduction.tell_verdicts(tracking_uri, write, console)


@app.command()
def predict(
    images: Annotated[list[Path] | None, typer.Argument(metavar="IMAGE...", help="Pictures of digits.")] = None,
    noise: Annotated[int, typer.Option(min=0, max=100, help="Ask about so many images of uniform noise.")] = 0,
    test: Annotated[list[int] | None, typer.Option(help="Number of a test image, from 0; may be repeated.")] = None,
    experiment: Annotated[
        str | None, typer.Option(help="The experiment whose champion answers.", show_default="that of the latest sweep")
    ] = None,
    tracking_uri: Uri = None,
) -> None:
    """Ask the best network of an experiment what digit it sees, and how sure it is."""
    from flows import results
    from flows.predict import predict
    from flows.tracking import open_store
    from flows.tracking import tracking_uri as resolve

    client = open_store(resolve(tracking_uri))
    name = experiment or client.get_experiment(results.find(client, None)[0]).name
    predict(client, name, images or [], noise, test or [], console)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    tracking_uri: Uri = None,
) -> None:
    """Open MLflow's pages on the store, at 127.0.0.1."""
    from flows import results, views
    from flows.service import start_ui
    from flows.tracking import open_store
    from flows.tracking import tracking_uri as resolve

    server, uri = f"http://127.0.0.1:{port}/", resolve(tracking_uri)
    latest = results.latest_sweep(open_store(uri))
    page = views.link(latest.info.experiment_id, server) if latest else server
    with console.status("Starting MLflow's server …"):
        started = start_ui(uri, port)
    console.print(f"{page}\nCtrl-C ends it.", highlight=False, soft_wrap=True)
    try:
        raise typer.Exit(started.wait())
    except KeyboardInterrupt:
        started.communicate()  # lets go of the server, which then ends


@app.command()
def presets() -> None:
    """List the presets."""
    from flows.configuration import load_experiment, preset_names

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
    """Print an experiment, every field, and the cells that it comes to."""
    describe(experiment_of(source, data, seeds, shuffle, epochs, settings))


def describe(experiment: Any) -> None:
    import yaml

    cells = experiment.cells()
    console.print(yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, default_flow_style=None), end="")
    console.print(f"\n[bold]{len(cells)} cells[/]: {cells[0].name} … {cells[-1].name}")


app.add_typer(service_commands.app)


def store_errors() -> tuple[type[Exception], ...]:
    """What MLflow ends a command with; nothing where it was not imported, for then nobody has asked it."""
    if "mlflow" not in sys.modules:
        return ()
    from mlflow.exceptions import MlflowException

    return (MlflowException,)


def main() -> None:
    """Run the command; what the user got wrong is told in a line, with exit code 2."""
    # MLflow's import makes a million objects that stay: looking among them for garbage, while it goes on and once more
    # before the process ends, takes almost two seconds.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    prepare_environment()
    from flows.service import use_running_service

    use_running_service()

    try:
        app()
    except ConfigurationError as error:
        errors.print(f"[bold red]mlp:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)
    except store_errors() as error:
        from flows.tracking import one_line

        errors.print(f"[bold red]mlp:[/] MLflow failed ({escape(one_line(error))})", highlight=False)
        sys.exit(1)
