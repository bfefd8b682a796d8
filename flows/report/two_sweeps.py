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
from flows.plan.experiment import Experiment
from flows.plan.stacks import ranges
from flows.report.compare import (
    Group,
    axes_of,
    check_metrics,
    comparable,
    difference,
    final_values,
    label,
    metrics_of,
    varying,
)
from flows.report.notes import note_on_axes, notes_on_seeds
from flows.report.values import plain, rank
from flows.store.artifacts import EXPERIMENT, read_artifact
from flows.store.results import Selection
from mlp.statistics.differences import Differences

NO_SETTINGS = ("name", "description")  # of an experiment: they decide no result
COMMIT = "mlflow.source.git.commit"


@dataclass(frozen=True)
class TwoSweeps:
    """What sweep B did differently from sweep A. A group's pairs are its cells in A and in B with the same seed.

    Attributes
    ----------
    titles : (str, str)
    settings : list of (str, str, str)
        The dotted path of each setting that differs, its value in A and its value in B.
    by : list of str
        The params by which cells are grouped.
    groups : list of Group
        Those that both sweeps have, with a seed in common.
    same : (groups,) int
        The number of pairs that are one cell, with one key, so that their difference is 0.
    cells : DataFrame
        The cells of all pairs. Their ``group`` is the number of the group for a cell of A; for a cell of B it is
        greater by the number of groups.
    baselines : list of int or None
        For each ``group`` that is tested the one that it is compared with. None for A, and where all pairs are one
        cell.
    notes : list of str
        What a reader must know before trusting the numbers.
    """

    titles: tuple[str, str]
    settings: list[tuple[str, str, str]]
    by: list[str]
    groups: list[Group]
    same: NDArray
    cells: pd.DataFrame
    baselines: list[int | None]
    notes: list[str]

    @property
    def metrics(self) -> list[str]:
        """Everything that a cell of a pair measured."""
        return metrics_of(self.cells)

    @property
    def seeds(self) -> NDArray:
        """The seeds of the pairs, in the order of `values`."""
        return np.unique(self.cells["seed"])

    def label(self, place: int) -> str:
        """A group's name, such as ``fraction=0.5``."""
        return label(self.groups[place], varying(self.groups, self.by))

    def values(self, name: str) -> tuple[NDArray, NDArray]:
        """A metric in A and in B, (seeds, groups) each; NaN in both where one of them has no value."""
        first, second = np.hsplit(final_values(self.cells, name), 2)
        both = np.isfinite(first) & np.isfinite(second)
        return np.where(both, first, np.nan), np.where(both, second, np.nan)

    def differences(self, name: str) -> Differences:
        """B − A in a metric, (groups,) arrays; NaN where all pairs are one cell."""
        found = difference(self.cells, self.baselines, name)
        return Differences(**{field: values[len(self.groups) :] for field, values in vars(found).items()})


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
    assert first.sweep is not None
    assert second.sweep is not None
    if first.sweep.info.run_id == second.sweep.info.run_id:
        raise ConfigurationError(f"sweep: {first.sweep.info.run_name} given twice; allowed: two different ones")
    (cells, notes), (others, more) = comparable(first.cells), comparable(second.cells)
    axes = list(dict.fromkeys([*axes_of(cells, by), *axes_of(others, by)]))
    check_metrics(pd.concat([cells, others]), metrics)
    notes = [*first.notes, *second.notes, *notes, *more, *note_on_axes(by, axes), *note_on_code(first, second)]
    cells, others, groups = grouped(cells, others, axes)
    common = cells.index.intersection(others.index, sort=None)
    notes += notes_on_missing(cells, others, groups, axes)
    places = {group: place for place, group in enumerate(sorted(set(common.get_level_values("group"))))}
    pairs = [part.loc[common].reset_index() for part in (cells, others)]
    one_cell = pairs[0]["cell"] == pairs[1]["cell"]
    same = one_cell.groupby(pairs[0]["group"]).sum().to_numpy(int)
    counts = one_cell.groupby(pairs[0]["group"]).count().to_numpy(int)
    tested = [place if same[place] < counts[place] else None for place in places.values()]
    number = pairs[0]["group"].map(places).astype(int)
    table = pd.concat([pairs[0].assign(group=number), pairs[1].assign(group=number + len(places))], ignore_index=True)
    baselines = [None] * len(places) + tested
    settings = different_settings(settings_of(client, first), settings_of(client, second))
    titles = title(first), title(second)
    two = TwoSweeps(titles, settings, axes, [groups[group] for group in places], same, table, baselines, notes)
    if places:
        notes += notes_on_seeds(table, baselines) + notes_on_same(two, counts)
    else:
        notes.append("no cell of A has the same group and the same seed as a cell of B: there is nothing to compare")
    return two


def title(selection: Selection) -> str:
    """The experiment and the sweep."""
    assert selection.sweep is not None
    return f"{selection.title}, {selection.sweep.info.run_name} ({selection.sweep.info.run_id})"


def grouped(
    cells: pd.DataFrame, others: pd.DataFrame, by: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[int, Group]]:
    """The cells of both sweeps by the number of their group and their seed, and all groups by number."""
    # A column may hold numbers in one sweep and texts in the other: ranks are equal if the values are.
    keys = [[tuple(map(plain, row)) for row in part[by].itertuples(index=False)] for part in (cells, others)]
    values = {tuple(rank(key)): dict(zip(by, key, strict=True)) for key in [*keys[1], *keys[0]]}
    places = {key: place for place, key in enumerate(sorted(values))}
    parts = [
        part.assign(group=[places[tuple(rank(key))] for key in of_part])
        .drop_duplicates(["group", "seed"], keep="last")
        .set_index(["group", "seed"])
        for part, of_part in zip((cells, others), keys, strict=True)
    ]
    return parts[0], parts[1], {place: values[key] for key, place in places.items()}


def settings_of(client: MlflowClient, selection: Selection) -> dict[str, Any]:
    """All settings of a sweep by their dotted path, with the data set that was found for `auto`."""
    assert selection.sweep is not None
    defaults = Experiment(name="default").model_dump(mode="json")  # for settings that are newer than the sweep
    settings = flat(defaults) | flat(read_artifact(client, selection.sweep, EXPERIMENT))
    settings["data.name"] = ", ".join(map(str, selection.cells["data"].unique()))
    return {path: value for path, value in settings.items() if path not in NO_SETTINGS}


def flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Nested settings by dotted path; a list of values counts as one value."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            value = {str(place): item for place, item in enumerate(value)}
        inner = flat(value) if isinstance(value, dict) else {"": value}
        found |= {f"{name}.{path}".rstrip("."): item for path, item in inner.items()}
    return found


def different_settings(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Path and both values of the settings that differ; – where a sweep has no such setting."""

    def text(settings: dict[str, Any], path: str) -> str:
        if path not in settings:
            return "–"
        value = settings[path]
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


def notes_on_missing(cells: pd.DataFrame, others: pd.DataFrame, groups: dict[int, Group], by: list[str]) -> list[str]:
    """Which groups and which seeds only one of the sweeps has."""
    names, notes = varying(list(groups.values()), by), []
    seeds = [part.reset_index().groupby("group")["seed"].agg(set).to_dict() for part in (cells, others)]
    for sweep, mine, theirs in (("A", *seeds), ("B", *reversed(seeds))):
        if alone := [label(groups[group], names) for group in groups if group in mine and group not in theirs]:
            notes.append(f"only {sweep} has {', '.join(alone)}")
        left: dict[str, list[str]] = {}
        for group in groups:
            if group in mine and group in theirs and (more := mine[group] - theirs[group]):
                left.setdefault(ranges(more), []).append(label(groups[group], names))
        notes += [f"only {sweep} has the seeds {text} of {', '.join(places)}" for text, places in left.items()]
    return notes


def notes_on_same(two: TwoSweeps, counts: NDArray) -> list[str]:
    """Which pairs are one cell."""
    groups: dict[str, list[str]] = {}
    for place, (same, count) in enumerate(zip(two.same, counts, strict=True)):
        if same:
            groups.setdefault("all pairs" if same == count else f"{same} of {count} pairs", []).append(two.label(place))
    return [
        f"{', '.join(labels)}: {which} are the same cell in both sweeps (same key), and differ by 0 by construction"
        for which, labels in groups.items()
    ]
