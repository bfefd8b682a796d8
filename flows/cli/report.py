"""The commands that write the pages of a sweep and open them: its report, and the page in which a person draws."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Sweep, Uri, connect_to
from flows.cli.pages import check_output, write_and_open

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from flows.report.compare import Comparison
    from flows.store.results import Selection

app = typer.Typer()
Output = Annotated[
    Path, typer.Option(metavar="FILE", help="Where to write it. An earlier one is replaced, another file is not.")
]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Only write it.")]


@app.command("report")
def report_command(
    source: Sweep = None, output: Output = Path("report.html"), no_open: NoOpen = False, tracking_uri: Uri = None
) -> None:
    """Write the report of a sweep, one HTML page that needs no network, and open it in the browser."""
    from flows.report.page import GENERATOR, write_report

    check_output(output, GENERATOR, "report")
    client, selection, comparison, points = read_sweep(source, tracking_uri)
    report = write_report(client, selection, comparison, points)
    write_and_open(report, output, "report", selection.notes, no_open)


@app.command("explore")
def explore_command(
    source: Sweep = None, output: Output = Path("explore.html"), no_open: NoOpen = False, tracking_uri: Uri = None
) -> None:
    """Draw, and see what the networks of a sweep make of it, neuron by neuron: one HTML page that needs no network."""
    from flows.report.explore.writing import GENERATOR, write_page

    check_output(output, GENERATOR, "page")
    client, selection, comparison, points = read_sweep(source, tracking_uri)
    page = write_page(client, selection, comparison, points)
    write_and_open(page, output, "page", selection.notes, no_open)


def read_sweep(
    source: str | None, tracking_uri: str | None
) -> "tuple[MlflowClient, Selection, Comparison, pd.DataFrame]":
    """Read what a page is made of: the store, the cells of a sweep, their comparison and their curves."""
    from flows.report.compare import compare_all
    from flows.store.results import read_curves, select

    client = connect_to(tracking_uri)
    selection = select(client, [source] if source else [], everything=False)
    points = read_curves(client, list(selection.cells["run_id"]))
    return client, selection, compare_all(selection.cells), points
