"""MLflow's pages: a chart page on the runs of a sweep, a table of sweeps, and the links to them.

MLflow does not document the format of a shared view (this one is for 3.17); a test opens one in a browser.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import count, product
from typing import Any

from mlflow import MlflowClient
from rich.console import Console

from flows.plan.cell import Cell
from flows.report.compare import Comparison, number
from flows.store.experiments import set_experiment_tag
from flows.store.mlflow_internals import SHARED_VIEW
from flows.store.runs import DESCRIPTION, now
from mlp.measures.confidence import MEASURES, NOISES
from mlp.measures.metrics import METRICS

VIEW, SWEEPS, CELLS = "across-seeds", "sweeps", "cells"
REPORT, EXPLORE = "report.html", "explore.html"  # artifacts of a sweep
LOCAL_SERVER = "http://127.0.0.1:5000/"  # of `mlp ui`
GROUP = "group"  # tag of group runs, by which MLflow groups them and names the groups
ENDS = ("lower", "upper")  # of an interval
PALETTE = 29  # colours of MLflow's charts
SPACES = " \u00a0\u2002\u2009"  # of several widths
COLUMNS, CARD_HEIGHT = 2, 400  # charts in a row; pixels, of which the legend of five groups needs some
# Above all sections; the first row shows what is memorized, and the answers to noise.
GLANCE = ("train/accuracy_memorized", "noise/uniform/confidence", "test/accuracy", "train/cost")
PARALLEL = ("train/accuracy", "train/accuracy_memorized", "test/accuracy")  # beside the axes of a grid

# MLflow's list of experiments shows the first words as plain text, and a collapsed description only the first line.
HOW_TO_READ = """Networks trained over several seeds. Start with {links}.

{description}

MLflow opens an experiment on its page for traces, which stays empty here. The links above lead to the runs; so does
*Model training* at the top left, followed by *Runs*.

A run named *sweep* is one execution; its description says what came out. Nested in it are its *cells*, each one
network trained once, such as `seed=3 shuffle=0.50`, and its *groups*: the mean over the seeds of cells that differ only
in the seed, and both ends of a band as wide as its 95 % interval. To group cells yourself, filter by
`tags.kind = 'cell'` and group by a param such as `fraction`; MLflow's bands then range
from the lowest to the highest seed.

What a cell measures, shares from 0 to 1:

{glossary}"""


def publish_chart_view(client: MlflowClient, experiment_id: str, sweep_id: str, cells: Collection[Cell]) -> None:
    """Lay out the chart page of an experiment for the cells that a sweep is training, grouped by what varies."""
    params = [cell.params() for cell in cells]
    varying = [name for name in params[0] if name != "seed" and len({str(row[name]) for row in params}) > 1]
    charts = [(row.section, row.name) for row in METRICS.values() if row.section and row.measure]
    by = varying or ["fraction"]
    runs = run_list(f"tags.kind = 'cell' and tags.sweep = '{sweep_id}'", f"params.`{by[0]}`", [])
    axes = with_numbers({name: [row[name] for row in params] for name in varying})
    page = chart_page(charts, [name for _, name in charts], "param", by, axes)
    share(client, experiment_id, VIEW, "Compared across seeds", runs | page)


def share(client: MlflowClient, experiment_id: str, key: str, title: str, state: dict[str, Any]) -> None:
    """Write a shared view of the runs of an experiment, instead of an earlier one of the same key."""
    view = {"name": title, "createdAt": now(), "state": json.dumps(state)}
    set_experiment_tag(client, experiment_id, f"{SHARED_VIEW}{key}", json.dumps(view))


def run_list(condition: str, order: str, columns: Sequence[str]) -> dict[str, Any]:
    """The part of a shared view that chooses runs and the columns of their table."""
    everything = {"startTime": "ALL", "lifecycleFilter": "Active", "modelVersionFilter": "All Runs"}
    chosen = {"searchFilter": condition, "datasetsFilter": [], "selectedColumns": list(columns)}
    return everything | chosen | {"orderByKey": order, "orderByAsc": True}


def chart_page(
    charts: Sequence[tuple[str, str]],
    curves: Collection[str],
    mode: str,
    group_by: Sequence[str],
    axes: Sequence[str] = (),
) -> dict[str, Any]:
    """The part of a shared view that draws groups of runs as means in bands.

    Parameters
    ----------
    charts : sequence of (section, name of a metric)
    curves : collection of str
        The metrics that are drawn by epoch; the others are drawn as bars, beside the ends of their intervals.
    mode : {"param", "tag"}
        The kind of names in `group_by`.
    axes : sequence of str
        Params with numbers as values; with two or more, there are parallel coordinates of them and of the accuracies.
    """
    measured = {name for _, name in charts}
    first = [("At a glance", name) for name in GLANCE if name in measured]
    drawn = [chart(section, name, name in curves) for section, name in [*first, *charts]]
    if len(axes) > 1:
        drawn.insert(0, parallel_coordinates(axes, [name for name in PARALLEL if name in measured]))
    about = {"display": True, "isReordered": True, "columns": COLUMNS, "cardHeight": CARD_HEIGHT}
    by = [{"mode": mode, "groupByData": name} for name in group_by]
    return {
        "groupBy": {"aggregateFunction": "average", "groupByKeys": by},
        "useGroupedValuesInCharts": True,
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        "autoRefreshEnabled": True,
        "isAccordionReordered": True,
        "globalLineChartConfig": {"lineSmoothness": 0, "xAxisKey": "step"},
        "compareRunSections": [
            {"uuid": title, "name": title} | about for title in dict.fromkeys(row["metricSectionId"] for row in drawn)
        ],
        "compareRunCharts": drawn,
    }


def parallel_coordinates(params: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    """A chart with a line for each group, from the values of its params to its metrics, in a section of its own.

    MLflow draws no params with texts there when runs are grouped.
    """
    title = "All axes of the grid"
    about = {"type": "PARALLEL", "uuid": title, "metricSectionId": title, "runsCountToCompare": 100}
    return about | {"selectedParams": list(params), "selectedMetrics": list(metrics), "showAllRuns": True}


def coloured_titles(comparison: Comparison) -> list[str]:
    """The groups' titles, with spaces at the end by which MLflow gives each the next colour of its palette.

    Only more groups than it has colours share some.
    """
    titles = []
    for index in range(len(comparison.groups)):
        endings = ("".join(spaces) for length in count() for spaces in product(SPACES, repeat=length))
        names = (comparison.title(index) + ending for ending in endings)
        titles.append(next(name for name in names if colour_of(name) == index % PALETTE))
    return titles


def colour_of(title: str) -> int:
    """The number of the colour that MLflow 3.17 gives to a group: a checksum of its name, Fletcher's with 16 bits."""
    low = high = 0
    for letter in f"tag.{GROUP}.{title}":
        low = (low + ord(letter)) % 255
        high = (high + low) % 255
    return (high << 8 | low) % PALETTE


def with_numbers(values: Mapping[str, Collection[Any]]) -> list[str]:
    """Names of the params whose values are all numbers."""
    return [name for name, given in values.items() if all(number(str(value)) is not None for value in given)]


def chart(section: str, name: str, curve: bool) -> dict[str, Any]:
    """One chart: curves by epoch, or bars of the mean and of both ends of its interval."""
    kind = {"type": "LINE", "lineSmoothness": 0}
    if not curve:
        kind = {"type": "BAR", "selectedMetricKeys": [name, *(f"{name}/{end}" for end in ENDS)]}
    return kind | {
        "uuid": f"{section} {name}",
        "metricSectionId": section,
        "metricKey": name,
        "runsCountToCompare": 100,
    }


def describe(client: MlflowClient, experiment_id: str, sweep_id: str | None, description: str) -> None:
    """Write into the description of an experiment how to read it, unless somebody has edited it.

    Parameters
    ----------
    sweep_id : str or None
        The latest sweep that has a report; None while the first one trains.
    """
    old = client.get_experiment(experiment_id).tags.get(DESCRIPTION, "")
    if old not in ("", description) and (sweep_id is None or VIEW not in old):
        return
    pages = {"the charts": link(experiment_id)}
    if sweep_id:
        pages["the report"] = artifact_link(experiment_id, sweep_id, REPORT)
        pages |= {f"all {view}": table_link(experiment_id, view) for view in (SWEEPS, CELLS)}
    links = " · ".join(f"**[{title}]({address})**" for title, address in pages.items())
    note = HOW_TO_READ.format(description=description, links=links, glossary=glossary())
    set_experiment_tag(client, experiment_id, DESCRIPTION, note)


def glossary() -> str:
    """All metrics of a cell and what they are, as a list in Markdown."""
    rows = [f"- `{name}`: {row.title}" for name, row in METRICS.items() if not name.startswith("noise/")]
    measures = "; ".join(f"`{name}`: {title}" for name, (title, _) in MEASURES.items())
    return "\n".join([*rows, f"- `noise/KIND/…`, for images of {', '.join(NOISES)} noise: {measures}"])


def link(experiment_id: str, server: str = "") -> str:
    """Address of the chart page of an experiment on a server; without a server, relative to MLflow's own pages."""
    page = f"runs?viewStateShareKey={VIEW}&compareRunsMode=CHART&workflowType=machine_learning"
    return f"{server}#/experiments/{experiment_id}/{page}"


def table_link(experiment_id: str, view: str) -> str:
    """Address of the table of all sweeps or cells of an experiment, relative to MLflow's own pages."""
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={view}&workflowType=machine_learning"


def run_link(experiment_id: str, run_id: str, part: str = "") -> str:
    """Address of the page of a run, or of a part of it, relative to MLflow's own pages."""
    return f"#/experiments/{experiment_id}/runs/{run_id}{part}?workflowType=machine_learning"


def artifact_link(experiment_id: str, run_id: str, name: str, server: str = "") -> str:
    """Address of the page that shows an artifact of a run, such as `REPORT` of a sweep."""
    return server + run_link(experiment_id, run_id, f"/artifacts/{name}")


def server_of(client: MlflowClient) -> str:
    """Address of the pages of a store: of its server, or of `mlp ui`, which has to be started."""
    return f"{client.tracking_uri.rstrip('/')}/" if client.tracking_uri.startswith("http") else LOCAL_SERVER


def print_charts(client: MlflowClient, experiment_id: str, console: Console) -> None:
    """Print the link to the charts of an experiment."""
    server = server_of(client)
    title = "Charts, while `mlp ui` runs" if server == LOCAL_SERVER else "Charts"
    print_link(title, link(experiment_id, server), console)


def print_link(title: str, link: str, console: Console) -> None:
    """Print something to open or to type, alone on its line, below its title."""
    console.print(f"{title}:\n{link}", highlight=False, soft_wrap=True, markup=False)
