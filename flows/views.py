"""MLflow's own pages, laid out in advance: a page of charts on a sweep's group runs, and links to it.

The format of a shared view is MLflow's own and documented nowhere (here: 3.17). A test opens one in a browser.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from mlflow import MlflowClient

from flows.compare import Comparison
from mlp.confidence import NOISES

VIEW = "across-seeds"
REPORT = "report.html"  # artifact of a sweep
# Sections in the order of the story: their titles, and the metrics that each shows.
SECTIONS = {
    "What is learned": ("test/accuracy", "train/accuracy_clean", "train/accuracy"),
    "What is memorized": ("train/accuracy_memorized", "train/accuracy_resisted", "generalization_gap"),
    "The cost goes downhill": ("train/cost", "test/cost"),
    "Confidence on noise": tuple(f"noise/{kind}/confidence" for kind in NOISES),
}


HOW_TO_READ = """**[Charts, compared across seeds]({charts})** · **[The latest report]({report})**

{description}

A run named *sweep* is one execution; its description tells what came out. Below it stand its *cells*, one network
trained once, such as `seed=3 shuffle=0.50`, and its *groups*: mean, lower and upper end of the 95 % interval over the
seeds of cells that differ in nothing else. To group cells yourself, filter by `tags.kind = 'cell'` and group by a param
such as `fraction`; MLflow's bands are then from the lowest to the highest seed."""


def lay_out(
    client: MlflowClient, experiment_id: str, sweep_id: str, comparison: Comparison, curves: Sequence[str]
) -> None:
    """Give an experiment the chart page on a sweep's group runs, in place of that on an earlier sweep.

    Parameters
    ----------
    curves : sequence of str
        The metrics that are drawn by epoch; the others become bars.
    """
    view = {
        "name": "Compared across seeds",
        "createdAt": int(time.time() * 1000),
        "state": json.dumps(state(sweep_id, comparison, curves)),
    }
    client.set_experiment_tag(experiment_id, f"mlflow.sharedViewState.{VIEW}", json.dumps(view))


def describe(client: MlflowClient, experiment_id: str, sweep_id: str, description: str) -> None:
    """Tell in an experiment's description how to read it, unless someone has written another."""
    tag = "mlflow.note.content"
    known = client.get_experiment(experiment_id).tags.get(tag, "")
    if known in ("", description) or VIEW in known:
        links = {"charts": link(experiment_id), "report": report_link(experiment_id, sweep_id)}
        text = HOW_TO_READ.format(description=description, **links)
        client.set_experiment_tag(experiment_id, tag, text)


def state(sweep_id: str, comparison: Comparison, curves: Sequence[str]) -> dict[str, Any]:
    """What the page shows: the group runs by group, drawn as means in bands from lower to upper."""
    measured = set(comparison.metrics)
    sections = {title: [name for name in names if name in measured] for title, names in SECTIONS.items()}
    charts = [(title, name) for title, names in sections.items() for name in names]
    groups = [{"mode": "param", "groupByData": name} for name in comparison.telling]
    return {
        "searchFilter": f"tags.kind = 'group' and tags.sweep = '{sweep_id}'",
        "orderByKey": f"params.`{comparison.telling[0]}`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [f"params.`{name}`" for name in (*comparison.telling, "seeds")],
        "groupBy": {"aggregateFunction": "average", "groupByKeys": groups},
        "useGroupedValuesInCharts": True,
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
        "globalLineChartConfig": {"lineSmoothness": 0, "xAxisKey": "step"},
        "compareRunSections": [
            {"uuid": title, "name": title, "display": True, "isReordered": True} for title in dict(charts)
        ],
        "compareRunCharts": [
            {
                "type": "LINE" if name in curves else "BAR",
                "uuid": name,
                "metricSectionId": title,
                "metricKey": name,
                "runsCountToCompare": 100,
                "lineSmoothness": 0,
            }
            for title, name in charts
        ],
    }


def link(experiment_id: str, server: str = "") -> str:
    """Address of an experiment's chart page on an MLflow server; without one as its own pages know it."""
    page = f"runs?viewStateShareKey={VIEW}&compareRunsMode=CHART&workflowType=machine_learning"
    return f"{server}#/experiments/{experiment_id}/{page}"


def report_link(experiment_id: str, sweep_id: str, server: str = "") -> str:
    """Address of a sweep's report."""
    return f"{server}#/experiments/{experiment_id}/runs/{sweep_id}/artifacts/{REPORT}?workflowType=machine_learning"
