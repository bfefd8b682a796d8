"""Two sweeps compared as tables: for a terminal, as Markdown, JSON and CSV."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.text import Text

from flows.report.tables import TextTable, at, count_tests, few, heading, p_caption, versus, versus_headings
from flows.report.two_sweeps import TwoSweeps
from flows.report.values import show
from mlp.measures.metrics import metric

SETTINGS = ["setting", "A", "B"]
SAME_SETTINGS = "No setting differs."


def settings(two: TwoSweeps) -> TextTable | None:
    """The settings that differ; None if none does."""
    return TextTable(SETTINGS, two.settings, "Settings that differ", prose=True) if two.settings else None


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
    row, found, over_seeds = metric(name), two.differences(name), two.both.of(name)
    first, second = np.hsplit(two.both.values(name), 2)
    tests, rows = count_tests(two.both.baselines), []
    for place, group in enumerate(two.groups):
        a, b = over_seeds.mean[[place, place + len(two.groups)]]
        cells = [*(show(group[param]) for param in two.both.by), str(over_seeds.seeds[place]), row.text(a), row.text(b)]
        rows.append(cells + versus(row, found, place, second[:, place] - first[:, place], tests))
    return TextTable([*two.both.by, "seeds", "A", "B", *versus_headings(row, "B − A", found)], rows, heading(row))


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
    paths = [[f"`{path}`", *values] for path, *values in two.settings]
    parts = [f"A: {two.titles[0]}<br>\nB: {two.titles[1]}"]
    parts.append(TextTable(SETTINGS, paths, prose=True).markdown() if paths else SAME_SETTINGS)
    parts += [f"**{each.title}**\n\n{each.markdown()}" for each in details(two, metrics)]
    return "\n\n".join(filter(None, [*parts, caption(two, metrics)]))


def as_json(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """``{"a": title, "b": title, "settings": [{"setting", "a", "b"}], "groups": …, "notes": […]}``; see `records`."""
    found = [dict(zip(("setting", "a", "b"), row, strict=True)) for row in two.settings]
    about = {"a": two.titles[0], "b": two.titles[1], "settings": found}
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
    found = [{**group, "same_cells": int(same)} for group, same in zip(two.groups, two.same, strict=True)]
    if two.both is None:
        return []
    for name in metrics or two.metrics:
        over_seeds, differences = two.both.of(name), two.differences(name)
        for place, record in enumerate(found):
            if seeds := int(over_seeds.seeds[place]):
                a, b = over_seeds.mean[[place, place + len(found)]].tolist()
                record[name] = {"a": a, "b": b, **at(differences, place), "seeds": seeds, "difference": b - a}
    return found
