"""Commands that show what was trained: the comparison, and MLflow's pages."""

from types import ModuleType
from typing import Annotated, Any

import typer

from flows.cli.options import Uri, connect_to, console, print_notes
from flows.errors import ConfigurationError

app = typer.Typer()


@app.command("compare")
def compare_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EXPERIMENT|SWEEP]...",
            help="Names of experiments (their latest sweep is taken), or run ids of sweeps. Two are compared with each "
            "other, seed by seed; the cells of more, or of two with --by fraction,experiment, are pooled.",
            show_default="the latest sweep",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Params by which cells are grouped, for example fraction,hidden.")
    ] = "fraction",
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", help="Show this metric with its interval; may be repeated.")
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="NAME=VALUE",
            help="Test each --metric (or test/accuracy) against this group, seed by seed; for example fraction=0.",
        ),
    ] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="All finished cells, not only those of the latest sweep.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every metric.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with every metric.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="Print the report, a page that needs no network.")] = False,
    tracking_uri: Uri = None,
) -> None:
    """Compare finished cells across seeds, or two sweeps with each other."""
    flags = {"json": as_json, "csv": as_csv, "markdown": as_markdown, "html": as_html}
    output = "".join(name for name, given in flags.items() if given)
    if sum(flags.values()) > 1:
        raise ConfigurationError("--json, --csv, --markdown, --html: several given; allowed: one")
    params = by.split(",")
    if sources and len(sources) == 2 and "experiment" not in params:
        if everything or baseline:
            option = "--all" if everything else "--baseline"
            raise ConfigurationError(
                f"{option}: given with two sweeps, of which B is compared with A; allowed: with "
                "--by fraction,experiment, which pools their cells"
            )
        return print_two(sources, params, metrics or [], output, tracking_uri)
    from flows.report import tables
    from flows.report.compare import check_metrics, compare, compare_all
    from flows.store.results import read_curves, select

    client = connect_to(tracking_uri)
    selection = select(client, sources or [], everything)
    if output == "html":
        from flows.report.page import write_report

        comparison = compare_all(selection.cells, params, baseline)
        points = read_curves(client, list(selection.cells["run_id"]))
        print(write_report(client, selection, comparison, points))
        return
    shown = check_metrics(selection.cells, metrics or [])
    comparison = compare(selection.cells, params, baseline, shown or ["test/accuracy"])
    print_notes(selection.notes + comparison.notes)
    if output:
        return print_as(output, tables, comparison, shown, shown)
    if not shown:
        console.print(tables.overview(comparison, selection.title))
    for metric in shown or ["test/accuracy"] * bool(baseline):
        console.print(tables.detail(comparison, metric))


def print_two(sources: list[str], by: list[str], metrics: list[str], output: str, tracking_uri: str | None) -> None:
    """Compare two sweeps with each other, and print the result as text or in another format."""
    from flows.report import two_sweeps as tables
    from flows.store.results import select
    from mlp.measures.metrics import headlines

    client = connect_to(tracking_uri)
    first, second = (select(client, [source], everything=False) for source in sources)
    two = tables.compare_two(client, first, second, by, metrics)
    shown = metrics or [row.name for row in headlines() if row.name in two.metrics]
    if output == "html":
        print(tables.page(two, shown))
        return
    print_notes(two.notes)
    if output:
        return print_as(output, tables, two, metrics, shown)
    for part in tables.terminal(two, shown):
        console.print(part)


def print_as(output: str, tables: ModuleType, comparison: Any, metrics: list[str], shown: list[str]) -> None:
    """Print a comparison as JSON or CSV of every metric, or as Markdown of those that are shown."""
    from flows.report.tables import as_csv

    if output == "markdown":
        print(tables.as_markdown(comparison, shown))
    elif output == "json":
        print(tables.as_json(comparison, metrics))
    else:
        print(as_csv(tables.records(comparison, metrics)), end="")


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000, tracking_uri: Uri = None) -> None:
    """Open MLflow's pages on the store, at 127.0.0.1."""
    from flows.platform.health import without_login
    from flows.platform.servers import start_ui
    from flows.report import charts
    from flows.store.sweeps import latest_sweep

    client = connect_to(tracking_uri)
    served = client.tracking_uri.startswith("http")  # by `mlp up`, for instance
    server = f"{without_login(client.tracking_uri).rstrip('/')}/" if served else f"http://127.0.0.1:{port}/"
    latest, _ = latest_sweep(client)
    page = charts.link(latest.info.experiment_id, server) if latest else server
    if served:
        console.print(page, highlight=False, soft_wrap=True)
        return
    with console.status("Starting MLflow's server …"):
        started = start_ui(client.tracking_uri, port)
    console.print(f"{page}\nCtrl-C ends it.", highlight=False, soft_wrap=True)
    try:
        raise typer.Exit(started.wait())
    except KeyboardInterrupt:
        started.communicate()  # closes its standard input, which ends the server
