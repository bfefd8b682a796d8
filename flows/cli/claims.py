"""The command that tests claims."""

from functools import partial
from typing import Annotated

import typer

from flows.cli.options import Data, Force, Uri, Workers, connect_to, console
from flows.errors import ConfigurationError

app = typer.Typer()


@app.command()
def reproduce(
    claim: Annotated[str | None, typer.Argument(help="Name of a claim, or all.", show_default="list them")] = None,
    scale: Annotated[
        str, typer.Option(metavar="small|full", help="Some minutes per claim, or the size of the paper.")
    ] = "small",
    data: Data = None,
    seeds: Annotated[str | None, typer.Option(help="Your own seeds; their verdict is kept apart.")] = None,
    tracking_uri: Uri = None,
    workers: Workers = None,
    force: Force = False,
    write: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write all verdicts in the store there, a page for each claim.")
    ] = None,
) -> None:
    """Test what the lesson and its papers claim, and print the verdict; without a claim, list all verdicts."""
    from flows.claims.claim import SCALES, load_claim
    from flows.claims.pages import check_folder, write_pages
    from mlp.claims import CLAIMS

    if claim is None and (data is not None or seeds is not None or scale != SCALES[0]):
        raise ConfigurationError("--data, --seeds, --scale: given without a claim; allowed: with a claim, or all")
    if write:
        check_folder(write)
    names = CLAIMS if claim == "all" else [claim] if claim else []
    claims = [load_claim(name, scale, data, seeds) for name in names]
    # Imported only once the input is known to be valid, because this takes seconds.
    from flows.claims.judgement import available, judge_claim, stored_figures, stored_verdicts
    from flows.claims.verdicts import table, verdicts_table
    from flows.sweep.options import SweepOptions
    from flows.sweep.prompt import run_sweep

    options = SweepOptions(force, workers, tracking_server=tracking_uri)

    for one in claims:
        console.rule(f"[bold]{one.name}[/], {one.scale}")
        one, missing = available(one)
        for reason in missing:
            console.print(f"[yellow]left out:[/] {reason}", soft_wrap=True)
        for experiment in one.experiments.values():
            if code := run_sweep(experiment, options, console):
                raise typer.Exit(code)
        with console.status("Measuring …"):
            verdict = judge_claim(connect_to(tracking_uri), one)
        console.print(table(verdict))
    if len(claims) != 1 or write:
        client = connect_to(tracking_uri)
        statements, found = stored_verdicts(client)
        if write:
            write_pages(write, statements, found, partial(stored_figures, client))
        else:
            console.print(verdicts_table(statements, found))
