"""The commands that take a sweep from one store to another."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Sweep, Uri, connect_to, console, print_notes

app = typer.Typer()


@app.command("export")
def export_command(
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or an empty folder.")],
    source: Sweep = None,
    tracking_uri: Uri = None,
) -> None:
    """Write a sweep into a folder: runs and curves as Parquet and CSV, and all that `mlp import` needs."""
    from flows.store.results import select
    from flows.store.transfer_export import export_sweep

    client, folder = connect_to(tracking_uri), to.absolute()
    selection = select(client, [source] if source is not None else [], everything=False)
    with console.status("Exporting …"):
        export_sweep(client, selection, folder)
    print_notes(selection.notes)
    tables = f"{folder / 'runs.csv'}, curves.csv, both also as .parquet"
    say(f"Exported: {selection.title}, {len(selection.cells)} cells\nTables:   {tables}")
    say(f"Import:   mlp import {shlex.quote(folder.name)}")


@app.command("import")
def import_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that `mlp export` has written.")],
    tracking_uri: Uri = None,
) -> None:
    """Write an exported sweep into the store, without the cells that are there already.

    All files are checked before anything is written. No code is imported: the champion is made again from its weights.
    """
    from flows.store.transfer import read_export
    from flows.store.transfer_import import import_sweep

    with console.status("Checking …"):
        export = read_export(folder)
    client, name = connect_to(tracking_uri), export.manifest.name
    with console.status("Importing …"):
        done = import_sweep(client, export)
    sweep = client.get_run(done.sweep_id)
    what = f"{name}, {sweep.info.run_name}"
    from flows.report.summary import lay_out_latest, register_champion
    from flows.store.experiments import find_champion

    if done.changed:
        lay_out_latest(client, done.experiment_id, done.sweep_id)
        there = f", {done.known} were there already" if done.known else ""
        say(f"Imported: {what}, {done.new} cells{there}\nCompare:  mlp compare {name}")
    else:
        say(f"Nothing to import: {what} and its {done.known} cells are there already")
        if find_champion(client, name):
            return
    if reason := register_champion(client, sweep, name):
        print_notes([f"no champion was registered ({reason})"])


def say(text: str) -> None:
    """Print lines as they are, however long."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)
