"""Two sweeps compared as tables: for a terminal, as Markdown, JSON and CSV."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from flows.report.tables import INTERVAL, at, few, heading, interval, markdown_table, p_value
from flows.report.two_sweeps import TwoSweeps
from flows.report.values import show
from mlp.measures.metrics import metric
from mlp.statistics import intervals

SETTINGS = ["setting", "A", "B"]
NUMBERS = ["seeds", "A", "B", "B − A", INTERVAL, "p"]
SAME_SETTINGS = "No setting differs."


def caption(two: TwoSweeps) -> str:
    """What the columns of `rows` mean."""
    count = sum(base is not None for base in two.baselines)
    correction = f", Holm's correction for {count} tests" if count > 1 else ""
    return (
        "A, B: means over the seeds that both have. B − A: seed by seed, with its 95 % interval by Student's t"
        f"{few(np.array([len(two.seeds)]))}. p: sign-flip test{correction}."
    )


def rows(two: TwoSweeps, name: str) -> list[list[str]]:
    """For each group its params, then one metric: seeds in common, both means, and their difference."""
    row, versus = metric(name), two.differences(name)
    values = two.values(name)
    first, second = map(intervals.summarize, values)
    apart = values[1] - values[0]
    found = []
    for place, group in enumerate(two.groups):
        cells = [show(group[param]) for param in two.by]
        cells += [str(first.seeds[place]), row.text(first.mean[place]), row.text(second.mean[place])]
        cells += [
            row.text(second.mean[place] - first.mean[place], signed=True),
            interval(row, versus.low[place], versus.high[place], apart[:, place], signed=True),
            p_value(versus.p_adjusted[place]),
        ]
        found.append(cells)
    return found


def terminal(two: TwoSweeps, metrics: Sequence[str]) -> list[Table | Text]:
    """The sweeps, the settings that differ, and a table for each metric."""
    parts: list[Table | Text] = [Text(f"{sweep}: {title}") for sweep, title in zip("AB", two.titles, strict=True)]
    if two.settings:
        parts.append(table("\nSettings that differ", SETTINGS, two.settings, "left"))
    else:
        parts.append(Text(f"\n{SAME_SETTINGS}"))
    if two.groups:
        headings = [*two.by, *NUMBERS]
        parts += [table(f"\n{heading(metric(name))}", headings, rows(two, name), "right") for name in metrics]
        parts.append(Text(f"\n{caption(two)}", style="dim italic"))
    return parts


def table(title: str, headings: Sequence[str], cells: Sequence[Sequence[str]], justify: Any) -> Table:
    """A table for a terminal; long values of settings are broken into lines."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False,
                 show_edge=False)  # fmt: skip
    for name in headings:
        made.add_column(name, justify=justify, no_wrap=justify == "right", overflow="fold")
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def as_markdown(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """The same as Markdown."""
    settings = [[f"`{path}`", *values] for path, *values in two.settings]
    parts = [f"A: {two.titles[0]}<br>\nB: {two.titles[1]}"]
    parts.append(markdown_table(SETTINGS, settings, "lll") if settings else SAME_SETTINGS)
    headings = [*two.by, *NUMBERS]
    if two.groups:
        for name in metrics:
            parts += [f"**{heading(metric(name))}**", markdown_table(headings, rows(two, name), "r" * len(headings))]
        parts.append(caption(two))
    return "\n\n".join(parts)


def as_json(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """``{"a": title, "b": title, "settings": [{"setting", "a", "b"}], "groups": …, "notes": […]}``; see `records`."""
    settings = [dict(zip(("setting", "a", "b"), row, strict=True)) for row in two.settings]
    about = {"a": two.titles[0], "b": two.titles[1], "settings": settings}
    return json.dumps(about | {"groups": records(two, metrics), "notes": two.notes}, indent=2)


def as_csv(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """One row a group; a metric's numbers in columns ``test/accuracy.a``, ``test/accuracy.difference``, …"""
    return pd.json_normalize(records(two, metrics)).to_csv(index=False)


def records(two: TwoSweeps, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The groups as JSON has them.

    Returns
    -------
    list of dict
        ``{"fraction": 0.0, "same_cells": 0, "test/accuracy": {"a": mean, "b": mean, "seeds": …, "difference": …,
        "low": …, …}, …}``: both means, then the fields of `mlp.statistics.differences.Differences`. Numbers that are
        not defined are null. A metric without a pair of values is left out; by default every metric is in.
    """
    names = metrics or (two.metrics if two.groups else [])
    means = {name: [intervals.summarize(values) for values in two.values(name)] for name in names}
    differences = {name: two.differences(name) for name in names}
    found = []
    for place, group in enumerate(two.groups):
        record: dict[str, Any] = {**group, "same_cells": int(two.same[place])}
        for name, (first, second) in means.items():
            if seeds := int(first.seeds[place]):
                a, b = float(first.mean[place]), float(second.mean[place])
                versus = at(differences[name], place)
                record[name] = {"a": a, "b": b, **versus, "seeds": seeds, "difference": b - a}
        found.append(record)
    return found
