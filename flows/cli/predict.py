"""The command that asks a trained network."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Uri, connect_to, console, refuse

app = typer.Typer()


@app.command()
def predict(
    images: Annotated[list[Path] | None, typer.Argument(metavar="IMAGE...", help="Pictures of digits.")] = None,
    noise: Annotated[int, typer.Option(min=0, max=100, help="Number of images of uniform noise to ask about.")] = 0,
    test: Annotated[list[int] | None, typer.Option(help="Number of a test image, from 0; may be repeated.")] = None,
    experiment: Annotated[
        str | None, typer.Option(help="The experiment whose champion answers.", show_default="that of the latest sweep")
    ] = None,
    show: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a PNG of the images as the network sees them.")
    ] = None,
    tracking_uri: Uri = None,
) -> None:
    """Ask the best network of an experiment which digit it sees, and how confident it is.

    A picture that can't be read gets a line with the reason instead of an answer, and the exit code is 2.
    """
    from flows.report.predict import print_answers
    from flows.store.experiments import find_experiment, name_of
    from flows.store.results import find

    client = connect_to(tracking_uri)
    found = find_experiment(client, experiment) if experiment else client.get_experiment(find(client, None)[0])
    name = name_of(found) if found else str(experiment)
    refused = print_answers(client, name, images or [], noise, test or [], console, show)
    for reason in refused:
        refuse(reason, 2)
    raise typer.Exit(2 if refused else 0)
