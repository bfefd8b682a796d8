"""Two sweeps compared: the settings in which they differ, and what that did, seed by seed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from numpy.typing import NDArray

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
    varying,
)
from flows.store.artifacts import read_experiment
from flows.store.results import Selection
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
