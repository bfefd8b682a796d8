"""The commands that take a sweep from one store to another."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

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
    from flows.store.transfer_export import check_target, export_sweep

    folder = check_target(to)
    client = connect_to(tracking_uri)
    selection = select(client, [source] if source is not None else [], everything=False)
    with console.status("Exporting …"):
        cells = export_sweep(client, selection, folder)
    print_notes(selection.notes)
    console.print(f"Exported: {escape(selection.title)}, {cells} cells", highlight=False)
    console.print(f"Tables:   {escape(str(folder / 'runs.csv'))}, curves.csv, both also as .parquet", highlight=False,
                  soft_wrap=True)  # fmt: skip
    console.print(f"Import:   mlp import {escape(folder.name)}", highlight=False, soft_wrap=True)


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
        manifest, runs = read_export(folder)
    client = connect_to(tracking_uri)
    with console.status("Importing …"):
        done = import_sweep(client, folder, manifest, runs)
    sweep = client.get_run(done.sweep_id)
    what = f"{manifest.name}, {sweep.info.run_name}"
    from flows.report.imported import lay_out_latest, register_champion
    from flows.store.champion import find_champion

    if done.changed:
        lay_out_latest(client, done.experiment_id, done.sweep_id)
        there = f", {done.known} were there already" if done.known else ""
        console.print(f"Imported: {what}, {done.new} cells{there}", highlight=False, soft_wrap=True)
        console.print(f"Compare:  mlp compare {manifest.name}", highlight=False)
    else:
        nothing = f"Nothing to import: {what} and its {done.known} cells are there already"
        console.print(nothing, highlight=False, soft_wrap=True)
        if find_champion(client, manifest.name):
            return
    if reason := register_champion(client, sweep, manifest.name):
        print_notes([f"no champion was registered ({reason})"])
