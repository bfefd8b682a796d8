"""Shared by all commands: where they print, their common options, and what these stand for.

A command has a parameter for each of its options, because Typer reads them from its signature: commands are the only
functions with more than seven.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from flows.plan.experiment import Experiment

console = Console()
errors = Console(stderr=True, soft_wrap=True)
MAX_MESSAGE = 1000  # characters of a message

Source = Annotated[
    str,
    typer.Argument(
        metavar="PRESET|FILE|-", help="Name of a preset (see `mlp presets`), a YAML file, or - for standard input."
    ),
]
Sweep = Annotated[
    str | None,
    typer.Argument(
        metavar="[EXPERIMENT|SWEEP]",
        help="Name of an experiment (its latest sweep is taken), or run id of a sweep.",
        show_default="the latest sweep",
    ),
]
Data = Annotated[str | None, typer.Option(help="mnist, fashion, kmnist, digits, auto, or an OpenML name.")]
Seeds = Annotated[str | None, typer.Option(help="For example 0-9 or 0,2,5.")]
Shuffle = Annotated[str | None, typer.Option(help="Fractions of the labels to shuffle, for example 0,0.5,1.")]
Epochs = Annotated[str | None, typer.Option(help="Passes over the training images.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change any field, for example descent.momentum=0.9."),
]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="FIELD=A,B,…",
        help="Vary any field, for example descent.learning_rate=0.5,1.5; may be repeated.",
    ),
]
Uri = Annotated[
    str | None, typer.Option(help="MLflow's tracking URI.", show_default="MLFLOW_TRACKING_URI, or ./mlruns")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Stacks that train at the same time.", show_default="one per core")
]
Force = Annotated[bool, typer.Option("--force", help="Train all cells, even those that are done.")]


def refuse(message: str, code: int) -> int:
    """Print why something is refused, in one line that a terminal can show, and return the exit code."""
    line = re.sub(r":/+[^\s'\"]*@", "://…@", " ".join(message.split()))  # without the login of an address
    line = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)
    if len(line) > MAX_MESSAGE:
        line = f"{line[: MAX_MESSAGE // 2]} … {line[-MAX_MESSAGE // 2 :]}"
    errors.print(Text.assemble(("mlp:", "bold red"), f" {line}"))
    return code


def print_notes(notes: Iterable[str]) -> None:
    """Print what a reader must know, apart from the result."""
    for note in notes:
        errors.print(f"[yellow]note:[/] {escape(note)}", highlight=False)


def connect_to(uri: str | None) -> "MlflowClient":
    """Open the store of the option --tracking-uri."""
    from flows.platform.paths import tracking_uri
    from flows.store.connection import open_store

    return open_store(tracking_uri(uri))


def experiment_of(
    source: str, data: Any, seeds: Any, shuffle: Any, epochs: Any, settings: list[str] | None, axes: list[str] | None
) -> "Experiment":
    """The experiment that the options describe; the short options are applied first, then `--set`, then `--grid`."""
    from flows.plan.configuration import load_experiment, parse_axis, parse_setting

    short = {"data.name": data, "seeds": seeds, "corruption.fractions": shuffle, "descent.epochs": epochs}
    changes = {path: value for path, value in short.items() if value is not None}
    if shuffle is not None:
        changes["corruption.labels"] = "shuffle"
    changes |= dict(map(parse_setting, settings or []))
    return load_experiment(source, changes | dict(map(parse_axis, axes or [])))
