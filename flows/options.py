"""What the commands of `mlp` share: where they print, and the options that change an experiment."""

from typing import Annotated, Any

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True, soft_wrap=True)

Source = Annotated[
    str, typer.Argument(metavar="PRESET|FILE", help="Name of a preset (see `mlp presets`), or a YAML file.")
]
Data = Annotated[str | None, typer.Option(help="mnist, fashion, kmnist, digits, auto, or an OpenML name.")]
Seeds = Annotated[str | None, typer.Option(help="For example 0-9 or 0,2,5.")]
Shuffle = Annotated[str | None, typer.Option(help="Fractions of the labels to shuffle, for example 0,0.5,1.")]
Epochs = Annotated[str | None, typer.Option(help="Passes over the training images.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change any field, for example descent.momentum=0.9."),
]
Uri = Annotated[
    str | None, typer.Option(help="MLflow's tracking URI.", show_default="MLFLOW_TRACKING_URI, or ./mlruns")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Stacks that train at once.", show_default="a core each")
]
Force = Annotated[bool, typer.Option("--force", help="Train cells again that are done.")]


def experiment_of(source: str, data: Any, seeds: Any, shuffle: Any, epochs: Any, settings: list[str] | None) -> Any:
    """The experiment that the options ask for; the short options come before `--set`."""
    from flows.configuration import load_experiment, parse_setting

    short = {"data.name": data, "seeds": seeds, "corruption.fractions": shuffle, "descent.epochs": epochs}
    changes = {path: value for path, value in short.items() if value is not None}
    if shuffle is not None:
        changes["corruption.labels"] = "shuffle"
    return load_experiment(source, changes | dict(map(parse_setting, settings or [])))
