"""The charts of the report: curves, final measures, and of groups that differ in two params or more maps and lines."""

from itertools import islice

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure

from flows.report.compare import Comparison, rank, show
from mlp.figures.interactive import curves_chart, heat_map, measures_chart, seeds_chart
from mlp.measures.metrics import COST, METRICS, Metric, headlines, metric
from mlp.statistics.intervals import Estimate

MAX_MAPS = 12
MAIN = "test/accuracy"
MAX_SEEDS = 20  # whose curves are drawn


def curves_charts(comparison: Comparison, points: pd.DataFrame) -> dict[str, Figure]:
    """A chart for each metric that was measured by epoch, in the order of the table of metrics."""
    curves, of_seeds = comparison.curves(points), comparison.curves_of_seeds(points)
    return {
        row.title: curves_chart(
            comparison.names, curves[name], row.share, of_seeds[name][:MAX_SEEDS], row.section == COST
        )
        for name, row in METRICS.items()
        if name in curves
    }


def measures_charts(comparison: Comparison) -> dict[str, Figure]:
    """Draw what was learned and memorized, the answers to noise, and how much the seeds differ."""
    below, names = ", ".join(comparison.varying), comparison.names
    accuracies = {row.name: row.label for row in METRICS.values() if row.measure and row.share}
    kinds = {name: name.split("/")[1] for name in comparison.metrics if name.endswith("/confidence")}
    seeds = [f"seed {seed}" for seed in np.unique(comparison.cells["seed"])]
    charts = {
        "Learned, memorized, resisted": measures_chart(names, estimates(comparison, accuracies), below),
        "Largest activation for noise": measures_chart(names, estimates(comparison, kinds), below),
        "Test accuracy of every seed, minus the mean of its group": seeds_chart(
            names, comparison.values("test/accuracy"), seeds, below
        ),
    }
    charts |= grid_charts(comparison)
    return {title: figure for title, figure in charts.items() if any(len(trace.x) for trace in figure.data)}


def estimates(comparison: Comparison, labels: dict[str, str]) -> dict[str, Estimate]:
    """By label the mean and the interval of each metric that was measured, (groups,) arrays."""
    summaries = {label: comparison.of(name) for name, label in labels.items()}
    return {label: Estimate(of.mean, of.low, of.high) for label, of in summaries.items() if of.seeds.any()}


def grid_charts(comparison: Comparison) -> dict[str, Figure]:
    """Charts by title; none if the groups differ in a single param.

    The two params with the most values are the axes. With exactly two, there is a map for each headline metric, and the
    test accuracy as lines; with more, a map of the test accuracy for each combination of the others.
    """
    values = {name: levels(comparison, name) for name in comparison.varying}
    if len(values) < 2 or MAIN not in comparison.metrics:
        return {}
    across, down = sorted(values, key=lambda name: -len(values[name]))[:2]
    others = [name for name in values if name not in (across, down)]
    if not others:
        measured = [row for row in headlines() if row.name in comparison.metrics and row.share]
        charts = {row.title: map_of(comparison, row, across, down, {}) for row in measured}
        return charts | {f"{metric(MAIN).title}, by {across}": lines_of(comparison, across, down)}
    corners = dict.fromkeys(tuple(group[name] for name in others) for group in comparison.groups)
    charts = {}
    for corner in islice(corners, MAX_MAPS):
        fixed = dict(zip(others, corner, strict=True))
        title = ", ".join(f"{name}={show(value)}" for name, value in fixed.items())
        charts[f"{metric(MAIN).title}, {title}"] = map_of(comparison, metric(MAIN), across, down, fixed)
    return charts


def levels(comparison: Comparison, name: str) -> list:
    """The values of a param, in order."""
    return sorted({group[name] for group in comparison.groups}, key=lambda value: rank((value,)))


def tiles(comparison: Comparison, name: str, across: str, down: str, fixed: dict) -> Estimate:
    """A metric's mean and interval, (values of `down`, values of `across`) arrays; NaN where there is no group."""
    columns, rows = levels(comparison, across), levels(comparison, down)
    summary, measure = comparison.of(name), np.full((3, len(rows), len(columns)), np.nan)
    for index, group in enumerate(comparison.groups):
        if fixed.items() <= group.items():
            tile = summary.mean[index], summary.low[index], summary.high[index]
            measure[:, rows.index(group[down]), columns.index(group[across])] = tile
    return Estimate(*measure)


def map_of(comparison: Comparison, row: Metric, across: str, down: str, fixed: dict) -> Figure:
    """A heat map of a metric over two params."""
    columns, rows = ([show(value) for value in levels(comparison, name)] for name in (across, down))
    return heat_map(columns, rows, tiles(comparison, row.name, across, down, fixed), across, down)


def lines_of(comparison: Comparison, across: str, down: str) -> Figure:
    """The test accuracy by one param, a line with intervals for each value of the other."""
    measure = tiles(comparison, MAIN, across, down, {})
    lines = {
        f"{down} {show(value)}": Estimate(*(ends[row] for ends in measure))
        for row, value in enumerate(levels(comparison, down))
    }
    return measures_chart([show(value) for value in levels(comparison, across)], lines, across)
