"""Charts of a comparison whose groups differ in two params or more: heat maps, and lines of one by the other."""

from itertools import islice

import numpy as np
from plotly.graph_objects import Figure

from flows.report.compare import Comparison
from flows.report.values import rank, show
from mlp.figures.heat_map import heat_map
from mlp.figures.interactive import measures_chart
from mlp.measures.metrics import Metric, headlines, metric
from mlp.statistics.intervals import Estimate

MAX_MAPS = 12
MAIN = "test/accuracy"


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
        found = [row for row in headlines() if row.name in comparison.metrics and row.share]
        charts = {row.title: map_of(comparison, row, across, down, {}) for row in found}
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
    of, shape = comparison.of(name), (len(rows), len(columns))
    found = [np.full(shape, np.nan) for _ in range(3)]
    for place, group in enumerate(comparison.groups):
        if fixed.items() <= group.items():
            tile = rows.index(group[down]), columns.index(group[across])
            for array, numbers in zip(found, (of.mean, of.low, of.high), strict=True):
                array[tile] = numbers[place]
    return Estimate(*found)


def map_of(comparison: Comparison, row: Metric, across: str, down: str, fixed: dict) -> Figure:
    """A heat map of a metric over two params."""
    columns, rows = ([show(value) for value in levels(comparison, name)] for name in (across, down))
    return heat_map(columns, rows, tiles(comparison, row.name, across, down, fixed), across, down)


def lines_of(comparison: Comparison, across: str, down: str) -> Figure:
    """The test accuracy by one param, a line with intervals for each value of the other."""
    measure = tiles(comparison, MAIN, across, down, {})
    labels = [f"{down} {show(value)}" for value in levels(comparison, down)]
    lines = {label: Estimate(*(ends[place] for ends in measure)) for place, label in enumerate(labels)}
    return measures_chart([show(value) for value in levels(comparison, across)], lines, across)
