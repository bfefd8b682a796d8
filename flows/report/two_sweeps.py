"""Two sweeps compared: the settings in which they differ, and what that did, seed by seed; and how that is shown."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from numpy.typing import NDArray
from rich.text import Text

from flows.errors import ConfigurationError
from flows.plan.stacks import ranges
from flows.report.compare import (
    Comparison,
    Group,
    axes_of,
    check_metrics,
    comparable,
    difference,
    grouped,
    label,
    metrics_of,
    note_on_axes,
    over_seeds,
    show,
    varying,
)
from flows.report.tables import TextTable, at, count_tests, few, heading, p_caption, versus_cells, versus_headings
from flows.report.templates import TEMPLATES
from flows.store.artifacts import read_experiment
from flows.store.results import Selection
from mlp.measures.metrics import Metric, metric
from mlp.statistics.differences import Differences

NO_SETTINGS = ("name", "description")  # of an experiment: they decide no result
COMMIT = "mlflow.source.git.commit"


@dataclass(frozen=True)
class TwoSweeps:
    """Differences of sweep B from sweep A. A group's pairs are its cells in A and in B with the same seed.

    Attributes
    ----------
    titles : (str, str)
    settings : list of (str, str, str)
        The dotted path of each setting that differs, its value in A and its value in B.
    groups : list of Group
        Those that both sweeps have, with a seed in common.
    same : (groups,) int
        The number of pairs that are one cell, with one key, so that their difference is 0.
    both : Comparison or None
        The cells of all pairs, without values that only one of a pair has: first the groups in A, then the same groups
        in B, whose baselines are those in A unless all pairs are one cell. None if there are no pairs.
    notes : list of str
        Warnings to read before trusting the numbers.
    """

    titles: tuple[str, str]
    settings: list[tuple[str, str, str]]
    groups: list[Group]
    same: NDArray[np.int64]
    both: Comparison | None
    notes: list[str]

    @property
    def metrics(self) -> list[str]:
        """Everything that a cell of a pair measured."""
        return self.both.metrics if self.both else []

    def differences(self, name: str) -> Differences:
        """B − A in a metric, (groups,) arrays; NaN where all pairs are one cell."""
        assert self.both
        versus = difference(self.both.cells, self.both.baselines, name)
        return Differences(**{field: values[len(self.groups) :] for field, values in vars(versus).items()})


def compare_two(
    client: MlflowClient, first: Selection, second: Selection, by: Sequence[str], metrics: Sequence[str]
) -> TwoSweeps:
    """Compare the cells of sweep B, the second, with those of sweep A.

    Parameters
    ----------
    by : sequence of str
        Params by which cells are grouped; others in which the cells of A or those of B differ are added.
    metrics : sequence of str
        The metrics to be shown.

    Raises
    ------
    ConfigurationError
        If both are one sweep, one has no finished cell, or `by` or `metrics` names something that does not exist.
    """
    assert first.sweep
    assert second.sweep
    if first.sweep.info.run_id == second.sweep.info.run_id:
        raise ConfigurationError(f"sweep: {first.sweep.info.run_name} given twice; allowed: two different ones")
    (cells, notes), (others, more) = comparable(first.cells), comparable(second.cells)
    axes = list(dict.fromkeys([*axes_of(cells, by), *axes_of(others, by)]))
    table, groups = grouped(pd.concat([cells.assign(side="A"), others.assign(side="B")], ignore_index=True), axes)
    check_metrics(table.drop(columns="side"), metrics)
    table = table.drop_duplicates(["side", "group", "seed"], keep="last").set_index(["group", "seed"])
    a, b = (table[table["side"] == side].drop(columns="side") for side in "AB")
    titles, settings = (title(first), title(second)), different_settings(client, first, second)
    notes = [*first.notes, *second.notes, *notes, *more, *note_on_axes(by, axes), *note_on_code(first, second)]
    notes += notes_on_missing(a, b, groups, axes)
    common = a.index.intersection(b.index, sort=None)
    if common.empty:
        notes.append("no cell of A has the same group and the same seed as a cell of B: there is nothing to compare")
        return TwoSweeps(titles, settings, [], np.zeros(0, int), None, notes)
    a, b = a.loc[common], b.loc[common]
    measured = metrics_of(a)
    in_both = np.isfinite(a[measured].astype(float)) & np.isfinite(b[measured].astype(float))
    a[measured], b[measured] = a[measured].where(in_both), b[measured].where(in_both)
    one_cell = (a["cell"] == b["cell"]).groupby("group").agg(["sum", "count"])
    same, counts = one_cell["sum"].to_numpy(), one_cell["count"].to_numpy()
    groups = [groups[group] for group in one_cell.index]
    numbers = one_cell.index.get_indexer(common.get_level_values("group"))
    a, b = (part.reset_index("group", drop=True).reset_index() for part in (a, b))
    pairs = pd.concat([a.assign(group=numbers), b.assign(group=numbers + len(groups))], ignore_index=True)
    bases: list[int | None] = [None] * len(groups)
    bases += [None if same[group] == counts[group] else group for group in range(len(groups))]
    both = over_seeds(pairs, axes, groups * 2, bases, [], notes)
    notes = both.notes + notes_on_same(both, same, counts)
    return TwoSweeps(titles, settings, groups, same, both, notes)


def title(selection: Selection) -> str:
    """The experiment and the sweep."""
    assert selection.sweep
    return f"{selection.title}, {selection.sweep.info.run_name} ({selection.sweep.info.run_id})"


def settings_of(client: MlflowClient, selection: Selection) -> dict[str, Any]:
    """All settings of a sweep by their dotted path, with the data set that was found for `auto`."""
    assert selection.sweep
    settings = flat(read_experiment(client, selection.sweep).model_dump(mode="json"))
    settings["data.name"] = ", ".join(map(str, selection.cells["data"].unique()))
    return {path: value for path, value in settings.items() if path not in NO_SETTINGS}


def flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Nested settings by dotted path; a list of values counts as one value."""
    by_path: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            value = {str(number): item for number, item in enumerate(value)}
        if isinstance(value, dict):
            by_path |= {f"{name}.{path}": item for path, item in flat(value).items()}
        else:
            by_path[name] = value
    return by_path


def different_settings(client: MlflowClient, *sweeps: Selection) -> list[tuple[str, str, str]]:
    """Path and both values of the settings that differ; – where a sweep has no such setting."""
    first, second = (settings_of(client, sweep) for sweep in sweeps)

    def text(settings: dict[str, Any], path: str) -> str:
        value = settings.get(path, "–")
        if path == "seeds" and isinstance(value, list):
            return ranges(value)
        return value if isinstance(value, str) else json.dumps(value)

    paths = [path for path in first | second if first.get(path, ...) != second.get(path, ...)]
    return [(path, text(first, path), text(second, path)) for path in paths]


def note_on_code(first: Selection, second: Selection) -> list[str]:
    """That the sweeps were run by different versions of the code, as far as it is known."""
    commits = [part.sweep.data.tags.get(COMMIT) for part in (first, second) if part.sweep]
    if None in commits or commits[0] == commits[1]:
        return []
    return [f"different code: A was run by commit {str(commits[0])[:9]}, B by {str(commits[1])[:9]}"]


def notes_on_missing(cells: pd.DataFrame, others: pd.DataFrame, groups: list[Group], by: list[str]) -> list[str]:
    """Groups and seeds that only one of the sweeps has; the tables are indexed by group and seed."""
    names, notes = varying(groups, by), []
    for sweep, mine, theirs in (("A", cells, others), ("B", others, cells)):
        left: dict[str, list[str]] = {"": []}
        alone = mine.index.difference(theirs.index).to_frame(index=False)
        for group, seeds in alone.groupby("group")["seed"]:
            shared = group in theirs.index.get_level_values("group")
            what = f" the seeds {ranges(seeds)} of" if shared else ""
            left.setdefault(what, []).append(label(groups[int(group)], names))
        notes += [f"only {sweep} has{what} {', '.join(labels)}" for what, labels in left.items() if labels]
    return notes


def notes_on_same(both: Comparison, same: NDArray[np.int64], counts: NDArray[np.int64]) -> list[str]:
    """Groups with pairs that are one cell."""
    groups: dict[str, list[str]] = {}
    for group in np.flatnonzero(same).tolist():
        which = "all pairs" if same[group] == counts[group] else f"{same[group]} of {counts[group]} pairs"
        groups.setdefault(which, []).append(both.label(group))
    return [
        f"{', '.join(labels)}: {which} are the same cell in both sweeps (same key), and differ by 0 by construction"
        for which, labels in groups.items()
    ]


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
