"""Group runs, from which MLflow's own charts draw means and intervals over seeds, and the headlines of a sweep.

MLflow draws a group of runs as their average, in a band from the lowest to the highest of them. Grouping the cells
would give a band of single seeds, and its page loads 100 runs, fewer than many sweeps have cells. So a group is three
runs: its mean curves, and the same moved down and up by half the width of the 95 % interval. Their average is the mean
itself, and the band is as wide as the interval; of a share close to 0 or 100 %, whose interval is not symmetric, the
report has the ends. Final figures, which MLflow draws as bars of such averages, are those of the run ``mean`` alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from flows.plan.cell import PARAMS
from flows.report import charts
from flows.report.compare import Comparison, show
from flows.store.runs import DESCRIPTION, PARENT, now, search
from mlp.measures.metrics import METRICS, headlines, metric
from mlp.statistics.intervals import FEWEST_SEEDS, Summary

STATISTICS = {"mean": 0, "lower": -1, "upper": 1}  # and how many half widths of the interval they are from the mean
INTERVAL = "its 95 % interval by Student's t, of a share on logits"
POINTS = "the range of so few seeds"
MAX_INTERVAL_GROUPS = 33  # MLflow's page loads 100 runs, three per group
MAX_COLUMNS, STD, DIGITS = 20, " std", 4  # of the table of sweeps, which shows all digits that it has


def log_groups(
    client: MlflowClient, experiment_id: str, sweep_id: str, comparison: Comparison, curves: dict[str, Summary]
) -> None:
    """Write the group runs of a sweep, and delete those that it had.

    A run without any number, as the ends of the interval of one seed are, is not written.

    Parameters
    ----------
    curves : dict
        Result of `Comparison.curves`.
    """
    for old in search(client, experiment_id, f"tags.kind = 'group' and tags.sweep = '{sweep_id}'"):
        client.delete_run(old.info.run_id)
    for index, title in enumerate(charts.coloured_titles(comparison)):
        members = comparison.cells[comparison.cells["group"] == index]
        params = {name: members[name].iloc[0] for name in PARAMS if members[name].nunique() == 1}
        params["seeds"] = comparison.seeds[index]
        width = INTERVAL if comparison.seeds[index] >= FEWEST_SEEDS else POINTS
        for statistic in STATISTICS if len(comparison.groups) <= MAX_INTERVAL_GROUPS else ("mean",):
            metrics = metrics_of_group(comparison, curves, index, statistic)
            if not metrics:
                continue
            note = f"{statistic} over {params['seeds']} seeds; lower and upper are as far apart as {width}"
            tags = {PARENT: sweep_id, "sweep": sweep_id, "kind": "group", charts.GROUP: title, "statistic": statistic}
            name = f"{comparison.title(index)}: {statistic}"
            run = client.create_run(experiment_id, run_name=name, tags=tags | {DESCRIPTION: note})
            client.log_batch(run.info.run_id, metrics, [Param(name, show(value)) for name, value in params.items()])
            client.set_terminated(run.info.run_id)


def metrics_of_group(comparison: Comparison, curves: dict[str, Summary], index: int, statistic: str) -> list[Metric]:
    """The metrics of one of the runs of a group; all but the curves are those of the mean, with ends for its bars."""
    points, last, widths = [], 0, STATISTICS[statistic]
    for name, curve in curves.items():
        half = (curve.high[index] - curve.low[index]) / 2
        values = curve.mean[index] + (widths * half if widths else 0)
        points += [(name, value, step) for step, value in enumerate(values)]
        last = len(values) - 1
    for name in comparison.metrics if statistic == "mean" else ():
        if name not in curves:
            final = comparison.of(name)
            ends = zip(charts.ENDS, (final.low, final.high), strict=True) if metric(name).section else ()
            figures = {name: final.mean} | {f"{name}/{end}": values for end, values in ends}
            points += [(figure, values[index], last) for figure, values in figures.items()]
    return [Metric(name, float(value), now(), step) for name, value, step in points if np.isfinite(value)]


def lay_out(
    client: MlflowClient, experiment_id: str, sweep_id: str, comparison: Comparison, curves: Sequence[str]
) -> None:
    """Lay out the pages of an experiment: the charts of the groups of a sweep, and the tables of all sweeps and cells.

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
    columns = [f"params.`{name}`" for name in (*comparison.varying, "seed")]
    columns += [f"metrics.`{row.name}`" for row in headlines() if row.name in comparison.metrics]
    cells = charts.run_list("tags.kind = 'cell' and attributes.status = 'FINISHED'", columns[0], columns)
    charts.share(client, experiment_id, charts.CELLS, "Cells", cells)


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
    metrics = [Metric(name, value, now(), 0) for name, value in headline_metrics(comparison).items()]
    client.log_batch(sweep_id, metrics, [Param(name, value) for name, value in common(comparison).items()])


def headline_metrics(comparison: Comparison) -> dict[str, float]:
    """Mean and standard deviation of the headline metrics of each group, under names that fit a narrow column.

    Such as ``accuracy 0.5`` for the mean test accuracy of the group with fraction 0.5, and ``accuracy 0.5 std``.
    MLflow sorts columns by their names, so that the accuracy comes before what is memorized.
    """
    words = {row.name: "accuracy" if row.headline == "test" else row.headline for row in headlines()}
    figures = {
        f"{words[name]} {group.replace(',', '')}{ending}": float(values[index])
        for name in sorted(words, key=words.__getitem__)
        for ending, values in (("", comparison.of(name).mean), (STD, comparison.of(name).std))
        for index, group in enumerate(comparison.names)
    }
    return {name: round(value, DIGITS) for name, value in figures.items() if np.isfinite(value)}


def common(comparison: Comparison) -> dict[str, str]:
    """The params that all cells have in common."""
    cells = comparison.cells
    same = [name for name in PARAMS if name != "seed" and name not in comparison.varying]
    return {name: show(cells[name].iloc[0]) for name in same if pd.notna(cells[name].iloc[0])}
