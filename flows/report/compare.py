"""Groups of cells that differ only in the seed, and each group as numbers over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flows.errors import ConfigurationError, did_you_mean
from flows.plan.cell import PARAMS, RUN_COLUMNS
from mlp.data.corruption import LABEL_CORRUPTIONS
from mlp.measures.metrics import headlines, metric
from mlp.statistics import differences, intervals
from mlp.statistics.differences import Differences
from mlp.statistics.intervals import FEWEST_SEEDS, Summary

AXES = ("experiment", *(name for name in PARAMS if name != "seed"))
LEVEL = 0.05  # of a test
Group = dict[str, Any]  # the values of the params by which the cells are grouped


@dataclass(frozen=True)
class Comparison:
    """Groups of cells as numbers over seeds.

    Attributes
    ----------
    by : list of str
        The params by which the cells are grouped.
    groups : list of Group
    baselines : list of int or None
        For each group the number of its baseline; None for a baseline itself, or if there is none.
    cells : DataFrame
        The cells, with the number of their ``group``.
    seeds : (groups,) int
    summaries : dict of Summary, by metric
        Everything that at least one cell measured, (groups,) arrays. The interval is the 95 %
        `mlp.statistics.intervals.mean_interval`.
    differences : dict of Differences, by metric
        Each group minus its baseline, (groups,) arrays, NaN for a group without one. Empty without a baseline.
    notes : list of str
        Warnings to read before trusting the numbers.
    """

    by: list[str]
    groups: list[Group]
    baselines: list[int | None]
    cells: pd.DataFrame
    seeds: NDArray
    summaries: dict[str, Summary]
    differences: dict[str, Differences]
    notes: list[str]

    @property
    def varying(self) -> list[str]:
        """The params by which the groups are told apart."""
        return varying(self.groups, self.by)

    @property
    def metrics(self) -> list[str]:
        """Everything that at least one cell measured."""
        return list(self.summaries)

    def label(self, index: int) -> str:
        """A group's name, such as ``fraction=0.5 hidden=16-16``."""
        return label(self.groups[index], self.varying)

    def title(self, index: int) -> str:
        """A group's name for a reader: ``half shuffled``, or ``all redrawn, hidden=16-16``."""
        kinds = self.cells["corruption"].unique()
        kind = LABEL_CORRUPTIONS.get(kinds[0]) if len(kinds) == 1 else None
        group = self.groups[index]
        parts = [label(group, [name]) for name in self.varying]
        if kind and "fraction" in self.varying and (fraction := number(group["fraction"])) is not None:
            share = {0.0: "none", 0.5: "half", 1.0: "all"}.get(fraction, f"{100 * fraction:g} %")
            parts[self.varying.index("fraction")] = f"{share} {kind.word}"
        return ", ".join(parts)

    @property
    def names(self) -> list[str]:
        """The groups' names without those of the params, such as ``0.5, 16-16``."""
        return [", ".join(show(group[name]) for name in self.varying) for group in self.groups]

    @property
    def has_baseline(self) -> bool:
        """True if some group is compared with another."""
        return any(base is not None for base in self.baselines)

    def of(self, name: str) -> Summary:
        """A metric over seeds, (groups,) arrays; NaN for a group that did not measure it."""
        missing = np.full(len(self.groups), np.nan)
        return self.summaries.get(name, Summary(np.zeros(len(self.groups), int), *[missing] * 6))

    def values(self, name: str) -> NDArray:
        """The final values of a metric, (seeds, groups); NaN where there is none."""
        return final_values(self.cells, name)

    def curves_of_seeds(self, points: pd.DataFrame) -> dict[str, NDArray]:
        """The curves of each metric, (seeds, groups, steps).

        Parameters
        ----------
        points : DataFrame
            Result of `flows.load_curves`. A curve that ended early keeps its last value.
        """
        steps = range(int(points["step"].max()) + 1) if len(points) else range(0)
        result = {}
        for name, curve in points.groupby("metric", sort=False):
            table = curve.pivot(index="run_id", columns="step", values="value")
            table = table.reindex(index=self.cells["run_id"], columns=steps).ffill(axis=1)
            result[str(name)] = by_seed_and_group(self.cells, table)
        return result

    def curves(self, points: pd.DataFrame) -> dict[str, Summary]:
        """The same curves over seeds: for each metric a summary of (groups, steps) arrays."""
        return {name: summary_of(name, values) for name, values in self.curves_of_seeds(points).items()}


def compare(
    cells: pd.DataFrame, by: Sequence[str] = ("fraction",), baseline: str = "", tested: Sequence[str] = ()
) -> Comparison:
    """Compare cells across seeds.

    Parameters
    ----------
    cells : DataFrame
        Result of `flows.load_runs`.
    by : sequence of str
        Params by which the cells are grouped. Others in which the cells differ are added to them.
    baseline : str
        Such as ``fraction=0``: each group is compared with the group that has this value and shares all others.
    tested : sequence of str
        The metrics for which this is done.

    Raises
    ------
    ConfigurationError
        If no cell has finished, or `by` or `baseline` names something that does not exist.
    """
    cells, notes = comparable(cells)
    axes = axes_of(cells, by)
    cells, groups = grouped(cells, axes)
    # Of cells that do not differ at all, the latest counts.
    cells = cells.drop_duplicates(["group", "seed"], keep="last")
    bases = find_baselines(groups, axes, baseline)
    return over_seeds(cells, axes, groups, bases, tested, notes + note_on_axes(by, axes))


def grouped(cells: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, list[Group]]:
    """The cells with the number of their ``group``, and the groups in order."""
    keys = [tuple(map(plain, row)) for row in cells[by].itertuples(index=False)]
    # A value may be a number in one sweep and a text in another: the ranks of both are equal.
    groups = {rank(key): dict(zip(by, key, strict=True)) for key in reversed(keys)}
    order = {key: index for index, key in enumerate(sorted(groups))}
    return cells.assign(group=[order[rank(key)] for key in keys]), [groups[key] for key in order]


def over_seeds(
    cells: pd.DataFrame,
    by: list[str],
    groups: list[Group],
    bases: list[int | None],
    tested: Sequence[str],
    notes: list[str],
) -> Comparison:
    """The comparison of cells that have the number of their group; see `Comparison` and `compare`."""
    summaries = {name: summary_of(name, final_values(cells, name)) for name in metrics_of(cells)}
    versus = {name: difference(cells, bases, name) for name in tested} if set(bases) != {None} else {}
    seeds = cells["group"].value_counts().sort_index().to_numpy()
    return Comparison(by, groups, bases, cells, seeds, summaries, versus, [*notes, *notes_on_seeds(cells, bases)])


def summary_of(name: str, values: NDArray) -> Summary:
    """A metric over seeds, from its values (seeds, ...)."""
    scale = metric(name).scale
    if scale == "share" and ((values < 0) | (values > 1 + intervals.ROUNDING)).any():
        scale = "linear"  # somebody else logged what can be no share under the name of one
    return intervals.summarize(values, scale)


def note_on_axes(given: Sequence[str], by: Sequence[str]) -> list[str]:
    """That cells are grouped by more params than the given ones."""
    added = [name for name in by if name not in given]
    return [f"also grouped by {', '.join(added)}, in which the cells differ"] if added else []


def notes_on_seeds(cells: pd.DataFrame, bases: list[int | None]) -> list[str]:
    """Warnings: few seeds, groups with different seeds, tests that can't be significant."""
    notes = []
    seeds = [frozenset(seeds) for _, seeds in cells.groupby("group")["seed"]]
    if (fewest := min(map(len, seeds))) < FEWEST_SEEDS:
        only = f"{fewest} seed{'s' * (fewest > 1)}"
        notes.append(f"a group has only {only}: too few for an interval, so the seeds are shown instead")
    if len(set(seeds)) > 1:
        notes.append("the groups have different seeds; differences use the seeds that both groups have")
    common = [len(seeds[base] & mine) for base, mine in zip(bases, seeds, strict=True) if base is not None]
    if common and not can_be_significant(min(common), len(common)):
        notes.append(f"no p is given: {smallest_p(min(common), len(common))}")
    return notes


def least_p(seeds: int, tests: int) -> float:
    """The smallest p of a sign-flip test that so many seeds allow, with Holm's correction for so many tests."""
    return min(tests * 2.0 ** (1 - seeds), 1)


def can_be_significant(seeds: int, tests: int) -> bool:
    """Tell whether so many seeds allow a p of 0.05: below, p says nothing and is not given."""
    return least_p(seeds, tests) <= LEVEL


def smallest_p(seeds: int, tests: int) -> str:
    """The smallest p that so few seeds allow, in words."""
    formula = f"{tests} · 2 / 2^{seeds}" if tests > 1 else f"2 / 2^{seeds}"
    return f"{seeds} seed{'s' * (seeds != 1)} allow no p below {least_p(seeds, tests):.3g} ({formula})"


def axes_of(cells: pd.DataFrame, by: Sequence[str]) -> list[str]:
    """The params that tell groups of cells apart: the given ones, and all others in which the cells differ.

    Raises
    ------
    ConfigurationError
        If one of `by` is no param.
    """
    for name in by:
        if name not in AXES:
            raise ConfigurationError(f"--by: {name!r} given; allowed: {', '.join(AXES)}{did_you_mean(name, AXES)}")
    differing = dict.fromkeys([*by, *(name for name in AXES if cells[name].nunique(dropna=False) > 1)])
    # On how many images the curves are measured makes no difference to the final values: seeds that differ in it belong
    # together, unless cells differ in nothing else.
    others = [name for name in differing if name != "evaluation_rows" or name in by]
    return list(differing) if cells.duplicated([*others, "seed"]).any() else others


def compare_all(cells: pd.DataFrame, by: Sequence[str] = ("fraction",), baseline: str = "") -> Comparison:
    """Compare the headline metrics and the confidence on all kinds of noise, by default with the first group."""
    if not baseline:
        seeded, _ = comparable(cells)
        axes = axes_of(seeded, by)
        baseline = first_group(grouped(seeded, axes)[1], axes)
    confidences = [name for name in cells if name.endswith("/confidence")]
    return compare(cells, by, baseline, list(dict.fromkeys([*(row.name for row in headlines()), *confidences])))


def first_group(groups: list[Group], by: list[str]) -> str:
    """The first of several groups as a baseline, such as ``fraction=0``."""
    first = varying(groups, by)[0]
    return f"{first}={show(groups[0][first])}"


def metrics_of(cells: pd.DataFrame) -> list[str]:
    """The metrics among the columns of a table of cells."""
    return [name for name in cells if name not in {*RUN_COLUMNS, *PARAMS, "group"}]


def check_metrics(cells: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """The given metrics, if each was measured in some cell.

    Raises
    ------
    ConfigurationError
        If no cell measured one of them.
    """
    measured = metrics_of(cells)
    for name in metrics:
        if name not in measured:
            raise ConfigurationError(
                f"--metric: {name!r} given; allowed: {', '.join(measured)}{did_you_mean(name, measured)}"
            )
    return list(metrics)


def comparable(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The cells that have a seed, oldest first.

    Raises
    ------
    ConfigurationError
        If no cell has a seed.
    """
    seeds = pd.to_numeric(cells["seed"], errors="coerce")
    if seeds.isna().all():
        raise ConfigurationError("cells: none has finished yet; train some with `mlp run`")
    without = int(seeds.isna().sum())
    left_out = "1 run without a seed is left out" if without == 1 else f"{without} runs without a seed are left out"
    notes = [left_out] if without else []
    return cells.assign(seed=seeds).dropna(subset="seed").astype({"seed": int}).sort_values("started"), notes


def varying(groups: list[Group], by: list[str]) -> list[str]:
    """The params that have several values; all if none has."""
    return [name for name in by if len({group[name] for group in groups}) > 1] or by


def label(group: Group, by: Sequence[str]) -> str:
    """Label such as ``fraction=0.5 hidden=16-16``."""
    return " ".join(f"{name}={show(group[name])}" for name in by)


def find_baselines(groups: list[Group], by: list[str], baseline: str) -> list[int | None]:
    """The number of each group's baseline; see `compare`."""
    wanted = {}
    for part in filter(None, baseline.split(",")):
        name, equals, text = part.partition("=")
        if not equals or name not in by:
            raise ConfigurationError(
                f"--baseline: {part!r} given; allowed: NAME=VALUE, with one of the names {', '.join(by)}"
            )
        # 0 and 0.0 are the same fraction.
        values = {key: group[name] for group in groups for key in (show(group[name]), number(group[name]))}
        if (value := values.get(text, values.get(number(text)))) is None:
            allowed = ", ".join(dict.fromkeys(show(group[name]) for group in groups))
            raise ConfigurationError(f"--baseline: {part!r} given; allowed values of {name}: {allowed}")
        wanted[name] = value
    numbers = {tuple(group.values()): index for index, group in enumerate(groups)}
    bases = [numbers.get(tuple((group | wanted).values())) for group in groups]
    return [None if base == index else base for index, base in enumerate(bases)]


def by_seed_and_group(cells: pd.DataFrame, values: pd.DataFrame) -> NDArray:
    """One row of values per cell as an array (seeds, groups, columns); NaN where there is no such cell."""
    seeds, row = np.unique(cells["seed"], return_inverse=True)
    result = np.full((len(seeds), cells["group"].max() + 1, values.shape[1]), np.nan)
    result[row, cells["group"]] = values
    return result


def final_values(cells: pd.DataFrame, name: str) -> NDArray:
    """The final values of a metric, (seeds, groups); NaN where there is none."""
    return by_seed_and_group(cells, cells.reindex(columns=[name]))[:, :, 0]


def difference(cells: pd.DataFrame, bases: list[int | None], name: str) -> Differences:
    """The paired difference of each group from its baseline in one metric, (groups,) arrays."""
    tested = [group for group, base in enumerate(bases) if base is not None]
    # One generator for each metric, so that the result does not depend on what else is tested.
    versus = differences.paired_differences(
        final_values(cells, name),
        [(base, group) for group, base in enumerate(bases) if base is not None],
        np.random.default_rng(0),
        higher_is_better=metric(name).higher_is_better is not False,
    )

    def for_all(values: NDArray) -> NDArray:
        result = np.full(len(bases), np.nan) if values.dtype == float else np.zeros(len(bases), values.dtype)
        result[tested] = values
        return result

    return Differences(**{name: for_all(values) for name, values in vars(versus).items()})


def plain(value: Any) -> Any:
    """The value of a param in a type that JSON has; None if it is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def rank(key: tuple) -> tuple[tuple, ...]:
    """Sort key of a group: numbers by size, even those that are stored as texts, then other texts."""
    sizes = [(value, number(value)) for value in key]
    return tuple((1, 0.0, str(value)) if size is None else (0, size, "") for value, size in sizes)


def number(value: Any) -> float | None:
    """The value of a param as a number; None if it is not one."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def show(value: Any) -> str:
    """The value of a param as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
