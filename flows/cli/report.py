"""The command that writes the report of a sweep and opens it."""

import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows.cli.options import Sweep, Uri, connect_to, console, errors
from flows.errors import ConfigurationError

app = typer.Typer()


@app.command("report")
def report_command(
    source: Sweep = None,
    output: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Where to write it. An earlier report is replaced, another file is not."),
    ] = Path("report.html"),
    no_open: Annotated[bool, typer.Option("--no-open", help="Only write it.")] = False,
    tracking_uri: Uri = None,
) -> None:
    """Write the report of a sweep, one HTML page that needs no network, and open it in the browser."""
    from flows.report.compare import compare_all
    from flows.report.page import is_report
    from flows.store.results import read_curves, select

    with writable(output):
        if output.exists() and not is_report(output):
            given = f"--output: {output} given, which is not a report"
            raise ConfigurationError(f"{given}; allowed: a new file or a report")
    client = connect_to(tracking_uri)
    selection = select(client, [source] if source else [], everything=False)
    from flows.report.summary import write_report  # imports Prefect, which warns where there is no store

    comparison = compare_all(selection.cells)
    report = write_report(client, selection, comparison, read_curves(client, list(selection.cells["run_id"])))
    with writable(output):
        output.write_text(report, encoding="utf-8")
    for note in selection.notes:
        errors.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    console.print(f"Report: {escape(str(output.resolve()))}", highlight=False, soft_wrap=True)
    if not no_open:
        webbrowser.open(output.resolve().as_uri())  # False without a browser: the line above says where the page is


@contextmanager
def writable(output: Path) -> Iterator[None]:
    """Say in one line why a file can't be read or written."""
    try:
        yield
    except OSError as error:
        given = f"--output: {str(output)[:80]!r} given ({error.strerror})"
        raise ConfigurationError(f"{given}; allowed: a file in a folder that can be written") from None
