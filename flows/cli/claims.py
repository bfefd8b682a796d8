"""The command that tests claims."""

from typing import Annotated

import typer

from flows.cli.options import Data, Force, Uri, Workers, connect_to, console
from flows.errors import ConfigurationError

app = typer.Typer()


@app.command()
def reproduce(
    claim: Annotated[str | None, typer.Argument(help="Name of a claim, or all.", show_default="list them")] = None,
    scale: Annotated[
        str, typer.Option(metavar="small|full", help="Up to two minutes per claim, or the size of the paper.")
    ] = "small",
    data: Data = None,
    tracking_uri: Uri = None,
    workers: Workers = None,
    force: Force = False,
    write: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write all verdicts in the store there, as claims.md.")
    ] = None,
) -> None:
    """Test what the lesson and its papers claim, and print the verdict; without a claim, list all verdicts."""
    from flows.claims.claim import CLAIM_NAMES, SCALES, load_claim
    from flows.claims.verdicts import check_folder

    if claim is None and (data is not None or scale != SCALES[0]):
        raise ConfigurationError("--data, --scale: given without a claim; allowed: with a claim, or all")
    if write:
        check_folder(write)
    names = CLAIM_NAMES if claim == "all" else [claim] if claim else []
    claims = [load_claim(name, scale, data) for name in names]
    # Imported only once the input is known to be valid, because this takes seconds.
    from flows.claims.judgement import judge_claim, stored_verdicts
    from flows.claims.verdicts import table, verdicts_table, write_verdicts
    from flows.sweep.prompt import run_sweep

    for one in claims:
        console.rule(f"[bold]{one.name}[/], {one.scale}")
        for experiment in one.experiments.values():
            if code := run_sweep(experiment, force, workers, None, tracking_uri, console):
                raise typer.Exit(code)
        with console.status("Measuring …"):
            verdict = judge_claim(connect_to(tracking_uri), one)
        console.print(table(verdict))
    if len(claims) != 1 or write:
        statements, found = stored_verdicts(connect_to(tracking_uri))
        if write:
            write_verdicts(write, statements, found)
        else:
            console.print(verdicts_table(statements, found))
