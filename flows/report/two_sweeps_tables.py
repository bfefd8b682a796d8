"""Two sweeps compared, for a reader: as tables for a terminal, as Markdown, as records, and as an HTML page."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from flows.report.compare import show
from flows.report.tables import TextTable, at, count_tests, few, heading, p_caption, versus_cells, versus_headings
from flows.report.templates import TEMPLATES
from flows.report.two_sweeps import TwoSweeps
from mlp.measures.metrics import Metric, metric

SAME_SETTINGS = "No setting differs."
WIDTH, HEIGHT, EDGE = 150, 120, 12  # of a panel; the lines keep this distance from its upper and lower edge


def settings(two: TwoSweeps) -> TextTable | None:
    """The settings that differ; None if none does."""
    headings = ["setting", "A", "B"]
    return TextTable(headings, two.settings, "Settings that differ", prose=True) if two.settings else None


def caption(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """Explain what the columns of `detail` mean; empty if there are no pairs."""
    if two.both is None or not metrics:
        return ""
    return (
        "A, B: means over the seeds that both have. B − A: seed by seed, with its 95 % interval by Student's t"
        f"{few(np.array([two.both.cells['seed'].nunique()]))}. "
        f"{p_caption(two.differences(metrics[0]), two.both.baselines[len(two.groups) :])}"
    ).strip()


def detail(two: TwoSweeps, name: str) -> TextTable:
    """For each group its params, then one metric: seeds in common, both means, and their difference."""
    assert two.both
    row, versus, over_seeds = metric(name), two.differences(name), two.both.of(name)
    first, second = np.hsplit(two.both.values(name), 2)
    tests, rows = count_tests(two.both.baselines), []
    for index, group in enumerate(two.groups):
        a, b = over_seeds.mean[[index, index + len(two.groups)]]
        cells = [*(show(group[param]) for param in two.both.by), str(over_seeds.seeds[index]), row.text(a), row.text(b)]
        rows.append(cells + versus_cells(row, versus, index, second[:, index] - first[:, index], tests))
    return TextTable([*two.both.by, "seeds", "A", "B", *versus_headings(row, "B − A", versus)], rows, heading(row))


def details(two: TwoSweeps, metrics: Sequence[str]) -> list[TextTable]:
    """A table for each metric; none if there are no pairs."""
    return [detail(two, name) for name in metrics] if two.both else []


def terminal(two: TwoSweeps, metrics: Sequence[str]) -> list[TextTable | Text]:
    """The sweeps, the settings that differ, and a table for each metric."""
    titles = [Text(f"{sweep}: {title}") for sweep, title in zip("AB", two.titles, strict=True)]
    below = [Text(f"\n{caption(two, metrics)}", style="dim italic")] * bool(two.both)
    return [*titles, settings(two) or Text(f"\n{SAME_SETTINGS}"), *details(two, metrics), *below]


def as_markdown(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """The same as Markdown."""
    different = settings(two)
    parts = [f"A: {two.titles[0]}<br>\nB: {two.titles[1]}", different.markdown() if different else SAME_SETTINGS]
    parts += [f"**{each.title}**\n\n{each.markdown()}" for each in details(two, metrics)]
    return "\n\n".join(filter(None, [*parts, caption(two, metrics)]))


def as_json(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """``{"a": title, "b": title, "settings": [{"setting", "a", "b"}], "groups": …, "notes": […]}``; see `records`."""
    different = [dict(zip(("setting", "a", "b"), row, strict=True)) for row in two.settings]
    about = {"a": two.titles[0], "b": two.titles[1], "settings": different}
    return json.dumps(about | {"groups": records(two, metrics), "notes": two.notes}, indent=2)


def records(two: TwoSweeps, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The groups as JSON has them.

    Returns
    -------
    list of dict
        ``{"fraction": 0.0, "same_cells": 0, "test/accuracy": {"a": mean, "b": mean, "seeds": …, "difference": …,
        "low": …, …}, …}``: both means, then the fields of `mlp.statistics.differences.Differences`. Numbers that are
        not defined are null. A metric without a pair of values is left out; by default every metric is in.
    """
    groups = [{**group, "same_cells": int(same)} for group, same in zip(two.groups, two.same, strict=True)]
    if two.both is None:
        return []
    for name in metrics or two.metrics:
        over_seeds, differences = two.both.of(name), two.differences(name)
        for index, record in enumerate(groups):
            if seeds := int(over_seeds.seeds[index]):
                a, b = over_seeds.mean[[index, index + len(groups)]].tolist()
                record[name] = {"a": a, "b": b, **at(differences, index), "seeds": seeds, "difference": b - a}
    return groups


def page(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """One HTML page that needs no network: the settings that differ, then a table and a picture for each metric."""
    return TEMPLATES.get_template("two_sweeps.html").render(
        two=two,
        settings=settings(two),
        same_settings=SAME_SETTINGS,
        metrics=[
            {"title": metric(name).title, "table": detail(two, name), "panels": panels(two, name)}
            for name in metrics
            if two.both
        ],
        caption=caption(two, metrics),
        width=WIDTH,
        height=HEIGHT,
    )


def panels(two: TwoSweeps, name: str) -> list[dict[str, Any]]:
    """For each group that has pairs of a metric, a line from A to B for each seed, and one for the mean."""
    assert two.both
    values, seeds, result = two.both.values(name), np.unique(two.both.cells["seed"]), []
    for index in range(len(two.groups)):
        pairs = values[:, [index, index + len(two.groups)]]
        present = np.isfinite(pairs[:, 0])
        if present.any():
            result.append({"label": two.both.label(index)} | panel(metric(name), seeds[present], pairs[present]))
    return result


def panel(row: Metric, seeds: NDArray, pairs: NDArray) -> dict[str, Any]:
    """The lines of (seeds, 2) values, on a scale from the smallest to the largest of them."""
    low, high = pairs.min(), pairs.max()
    rows = np.vstack([pairs, pairs.mean(axis=0)])
    share = (rows - low) / (high - low) if high > low else np.full_like(rows, 0.5)
    heights = HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)
    names = [*(f"seed {seed}" for seed in seeds), "mean"]
    lines = [
        {"from": y[0], "to": y[1], "tip": f"{name}: {row.text(values[0])} → {row.text(values[1])}"}
        for name, values, y in zip(names, rows, heights.round(1).tolist(), strict=True)
    ]
    return {"lines": lines[:-1], "mean": lines[-1], "high": row.text(high), "low": row.text(low) if high > low else ""}
