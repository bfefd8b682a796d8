"""Group runs, from which MLflow's own charts draw means and intervals over seeds, and the headlines of a sweep.

MLflow draws a group of runs as their average in a band from the lowest to the highest. The mean, the lower and the
upper curve of a group are three runs with the metrics of its cells: the band is then the 95 % interval. The line is the
mean where the interval is symmetric; of a share close to 0 or 100 % it lies a little inside of it, and the run ``mean``
has the mean itself.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from flows.plan.cell import PARAMS
from flows.report import charts
from flows.report.compare import Comparison
from flows.report.values import show
from flows.store.runs import search
from mlp.measures.metrics import METRICS, headlines
from mlp.statistics.intervals import FEWEST_SEEDS, Summary

STATISTICS = {"mean": "mean", "lower": "low", "upper": "high"}
INTERVAL = "lower and upper are the ends of its 95 % interval by Student's t, of a share on logits"
POINTS = "lower and upper are the lowest and the highest of so few seeds"
MAX_METRICS = 900  # per log_batch; MLflow allows 1,000 with the params
# MLflow's page loads 100 runs, three per group.
MAX_INTERVAL_GROUPS = 33
MAX_COLUMNS, STD = 20, " std"  # of the table of sweeps


def log_groups(
    client: MlflowClient, experiment_id: str, sweep_id: str, comparison: Comparison, curves: dict[str, Summary]
) -> None:
    """Write the group runs of a sweep, and delete those that it had.

    Parameters
    ----------
    curves : dict
        Result of `Comparison.curves`.
    """
    for old in search(client, experiment_id, f"tags.kind = 'group' and tags.sweep = '{sweep_id}'"):
        client.delete_run(old.info.run_id)
    with_intervals = len(comparison.groups) <= MAX_INTERVAL_GROUPS
    for place in range(len(comparison.groups)):
        for statistic in STATISTICS if with_intervals else ("mean",):
            log_group(client, experiment_id, sweep_id, comparison, curves, place, statistic)


def log_group(
    client: MlflowClient,
    experiment_id: str,
    sweep_id: str,
    comparison: Comparison,
    curves: dict[str, Summary],
    place: int,
    statistic: str,
) -> None:
    """Write one of the runs of a group, unless it is empty, as the interval of one seed is."""
    field, seeds, now = STATISTICS[statistic], comparison.seeds[place], int(time.time() * 1000)
    metrics = [
        Metric(name, float(value), now, step)
        for name, summary in curves.items()
        for step, value in enumerate(getattr(summary, field)[place])
        if np.isfinite(value)
    ]
    last = max((metric.step for metric in metrics), default=0)
    finals = {name: comparison.of(name) for name in comparison.metrics if name not in curves}
    values = {name: getattr(summary, field)[place] for name, summary in finals.items()}
    if statistic == "mean":  # whose bars stand beside the ends of their interval
        values |= {
            f"{name}/{end}": getattr(summary, STATISTICS[end])[place]
            for name, summary in finals.items()
            if name in METRICS and METRICS[name].section
            for end in charts.ENDS
        }
    metrics += [Metric(name, float(value), now, last) for name, value in values.items() if np.isfinite(value)]
    if not metrics:
        return
    tags = {
        "mlflow.parentRunId": sweep_id,
        "sweep": sweep_id,
        "kind": "group",
        charts.GROUP: comparison.title(place),
        "statistic": statistic,
        "mlflow.note.content": f"{statistic} over {seeds} seeds; {INTERVAL if seeds >= FEWEST_SEEDS else POINTS}",
    }
    run_id = client.create_run(experiment_id, run_name=f"{comparison.title(place)}: {statistic}", tags=tags).info.run_id
    members = comparison.cells[comparison.cells["group"] == place]
    params = {name: members[name].iloc[0] for name in PARAMS if members[name].nunique() == 1} | {"seeds": seeds}
    client.log_batch(run_id, metrics[:MAX_METRICS], [Param(name, show(value)) for name, value in params.items()])
    for first in range(MAX_METRICS, len(metrics), MAX_METRICS):
        client.log_batch(run_id, metrics[first : first + MAX_METRICS])
    client.set_terminated(run_id)


def lay_out(
    client: MlflowClient, experiment_id: str, sweep_id: str, comparison: Comparison, curves: Sequence[str]
) -> None:
    """Lay out the pages of an experiment: the charts of the groups of a sweep, and the table of all sweeps.

    Parameters
    ----------
    curves : sequence of str
        The metrics that are drawn by epoch.
    """
    page = groups_page(sweep_id, comparison, curves)
    charts.share(client, experiment_id, charts.VIEW, "Compared across seeds", page)
    means = [f"metrics.`{name}`" for name in headline_metrics(comparison) if not name.endswith(STD)]
    table = charts.run_list("tags.kind = 'sweep'", "attributes.start_time", means[:MAX_COLUMNS])
    charts.share(client, experiment_id, charts.SWEEPS, "Sweeps", table | {"orderByAsc": False})


def groups_page(sweep_id: str, comparison: Comparison, curves: Sequence[str]) -> dict[str, Any]:
    """The chart page: each group drawn as its mean in a band, in the sections of the table of metrics."""
    drawn = [(row.section, row.name) for row in METRICS.values() if row.section and row.name in comparison.metrics]
    columns = [f"params.`{name}`" for name in (*comparison.varying, "seeds")]
    condition = f"tags.kind = 'group' and tags.sweep = '{sweep_id}'"
    runs = charts.run_list(condition, f"params.`{comparison.varying[0]}`", columns)
    axes = charts.with_numbers({name: [group[name] for group in comparison.groups] for name in comparison.varying})
    return runs | charts.chart_page(drawn, curves, "tag", [charts.GROUP], axes)


def log_headlines(client: MlflowClient, sweep_id: str, comparison: Comparison) -> None:
    """Give a sweep's run the settings that its cells share, and mean and spread of the headline metrics of each group.

    So MLflow's list of runs is a table of sweeps, and its comparison of runs compares them.
    """
    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, 0) for name, value in headline_metrics(comparison).items()]
    params = [Param(name, value) for name, value in common(comparison).items()]
    client.log_batch(sweep_id, metrics[:MAX_METRICS], params)


def headline_metrics(comparison: Comparison) -> dict[str, float]:
    """Mean and standard deviation of the headline metrics of each group, under names that fit a narrow column.

    Such as ``test 0.5`` for the mean test accuracy of the group with fraction 0.5, and ``test 0.5 std``.
    """
    found = {
        f"{row.headline} {comparison.names[place].replace(',', '')}{ending}": float(values[place])
        for row in headlines()
        for ending, values in (("", comparison.of(row.name).mean), (STD, comparison.of(row.name).std))
        for place in range(len(comparison.groups))
    }
    return {name: value for name, value in found.items() if np.isfinite(value)}


def common(comparison: Comparison) -> dict[str, str]:
    """The params that all cells have in common."""
    cells = comparison.cells
    same = [name for name in PARAMS if name != "seed" and name not in comparison.varying]
    return {name: show(cells[name].iloc[0]) for name in same if pd.notna(cells[name].iloc[0])}
