"""Cells into groups that differ in nothing but the seed, and the groups into numbers over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flows.errors import ConfigurationError
from flows.results import PARAMS, metrics_of
from mlp import statistics

FEW_SEEDS = 5
AXES = ("experiment", *(name for name in PARAMS if name != "seed"))
FIGURES = ("mean", "std", "median", "iqm", "low", "high")
DIFFERENCES = ("difference", "low", "high", "p_value", "p_adjusted", "improvement")


@dataclass(frozen=True)
class Comparison:
    """Groups of cells in numbers over seeds.

    Attributes
    ----------
    by : list of str
        What the groups differ in.
    groups : list of dict
        ``{"fraction": 0.0, "seeds": 3, "test/accuracy": {"seeds": 3, "mean": …, "std": …, "median": …, "iqm": …,
        "low": …, "high": …}, …}``: std has the divisor seeds - 1, iqm is the interquartile mean, low and high are the
        ends of the mean's 95 % interval by Student's t. With a baseline the metrics that were tested have a
        ``"versus"`` too: see `mlp.statistics.Comparison`; it ``differs`` if the paired difference's interval, widened
        for the number of pairs (Bonferroni), leaves out 0. None where a figure is not defined.
    baselines : list of int or None
        The number of each group's baseline; None for a baseline itself, and where there is none.
    cells : DataFrame
        The cells, with the number of their ``group``.
    notes : list of str
        What a reader must know before believing the numbers.
    """

    by: list[str]
    groups: list[dict]
    baselines: list[int | None]
    cells: pd.DataFrame
    notes: list[str]

    @property
    def metrics(self) -> list[str]:
        """What was measured, in some cell at least."""
        return metrics_of(self.cells.drop(columns="group"))

    @property
    def telling(self) -> list[str]:
        """Those of the params by which the groups are told apart."""
        return telling(self.groups, self.by)

    def label(self, place: int) -> str:
        """A group's name, such as ``fraction=0.5 hidden=16-16``."""
        return label(self.groups[place], self.telling)

    @property
    def names(self) -> list[str]:
        """The groups' names without those of the params, such as ``0.5, 16-16``."""
        return [", ".join(show(group[name]) for name in self.telling) for group in self.groups]

    def values(self, metrics: Sequence[str]) -> NDArray:
        """Final figures, (seeds, groups, metrics); NaN where there is none."""
        return by_seed_and_group(self.cells, self.cells.reindex(columns=list(metrics)))

    def curves_of_seeds(self, points: pd.DataFrame) -> dict[str, NDArray]:
        """Curves of each metric, (seeds, groups, steps).

        Parameters
        ----------
        points : DataFrame
            Of `flows.load_curves`. Where a cell ended early its last value stands.
        """
        steps = range(int(points["step"].max()) + 1) if len(points) else range(0)
        result = {}
        for metric, curve in points.groupby("metric", sort=False):
            table = curve.pivot(index="run_id", columns="step", values="value")
            table = table.reindex(index=self.cells["run_id"], columns=steps).ffill(axis=1)
            result[str(metric)] = by_seed_and_group(self.cells, table)
        return result

    def curves(self, points: pd.DataFrame) -> dict[str, statistics.Summary]:
        """Those curves over seeds: of each metric a summary of (groups, steps) arrays."""
        return {metric: statistics.summarize(values) for metric, values in self.curves_of_seeds(points).items()}


def compare(
    cells: pd.DataFrame, by: Sequence[str] = ("fraction",), baseline: str = "", tested: Sequence[str] = ()
) -> Comparison:
    """Compare cells across seeds.

    Parameters
    ----------
    cells : DataFrame
        Of `flows.load_runs`.
    by : sequence of str
        Params whose values make a group; others, in which the cells differ too, are added to them.
    baseline : str
        Such as ``fraction=0``: each group is compared with the one that has this value and is like it in all else.
    tested : sequence of str
        Metrics for which this is done.
    """
    for name in by:
        if name not in AXES:
            raise ConfigurationError(f"--by: {name!r} given; allowed: {', '.join(AXES)}")
    cells, notes = comparable(cells)
    different = [name for name in AXES if cells[name].nunique(dropna=False) > 1]
    if added := [name for name in different if name not in by]:
        notes.append(f"grouped by {', '.join(added)} too, in which the cells differ")
    by = list(dict.fromkeys([*by, *added]))
    keys = [tuple(plain(value) for value in values) for values in cells[by].itertuples(index=False)]
    places = {key: place for place, key in enumerate(sorted(set(keys), key=rank))}
    # Of cells that differ in nothing at all the latest counts.
    cells = cells.assign(group=[places[key] for key in keys]).drop_duplicates(["group", "seed"], keep="last")
    groups = [dict(zip(by, key, strict=True)) for key in places]
    bases = baselines(groups, by, baseline)
    figures, versus = figures_of(cells), differences(cells, groups, bases, by, tested)
    groups = [
        group | {metric: numbers | versus.get((place, metric), {}) for metric, numbers in figures[place].items()}
        for place, group in enumerate(with_seeds(groups, cells))
    ]
    return Comparison(by, groups, bases, cells, notes + notes_on_seeds(cells, bases))


def comparable(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The cells that have a seed, oldest first."""
    seeds = pd.to_numeric(cells["seed"], errors="coerce")
    if seeds.isna().all():
        raise ConfigurationError("cells: none has finished yet; train some with `mlp run`")
    notes = [f"{seeds.isna().sum()} runs without a seed are left out"] if seeds.isna().any() else []
    return cells.assign(seed=seeds).dropna(subset="seed").astype({"seed": int}).sort_values("started"), notes


def plain(value: Any) -> Any:
    """A value as JSON knows it; what is missing is None."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def rank(key: tuple) -> list[tuple]:
    """What groups are sorted by: numbers by size, even where they stand as texts, and other texts after them."""
    ranks = []
    for value in key:
        size = number(value)
        ranks.append((1, 0.0, str(value)) if size is None else (0, size, ""))
    return ranks


def number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def telling(groups: list[dict], by: list[str]) -> list[str]:
    return [name for name in by if len({group[name] for group in groups}) > 1] or by


def label(group: dict, by: Sequence[str]) -> str:
    return " ".join(f"{name}={show(group[name])}" for name in by)


def baselines(groups: list[dict], by: list[str], baseline: str) -> list[int | None]:
    """The place of each group's baseline; see `compare`."""
    wanted = {}
    for part in filter(None, baseline.split(",")):
        name, equals, text = part.partition("=")
        if not equals or name not in by:
            raise ConfigurationError(f"--baseline: {part!r} given; allowed: NAME=VALUE, with a name of {', '.join(by)}")
        # 0 and 0.0 are the same fraction.
        values = {key: group[name] for group in groups for key in (show(group[name]), number(group[name]))}
        if (value := values.get(text, values.get(number(text)))) is None:
            known = ", ".join(dict.fromkeys(show(group[name]) for group in groups))
            raise ConfigurationError(f"--baseline: {part!r} given; allowed values of {name}: {known}")
        wanted[name] = value
    if not wanted:
        return [None] * len(groups)
    places = {tuple(group.values()): place for place, group in enumerate(groups)}
    found = [places.get(tuple((group | wanted).values())) for group in groups]
    return [None if base == place else base for place, base in enumerate(found)]


def by_seed_and_group(cells: pd.DataFrame, values: pd.DataFrame) -> NDArray:
    """A row of values a cell as an array (seeds, groups, columns), NaN where there is no such cell."""
    seeds, row = np.unique(cells["seed"], return_inverse=True)
    result = np.full((len(seeds), cells["group"].max() + 1, values.shape[1]), np.nan)
    result[row, cells["group"]] = values
    return result


def with_seeds(groups: list[dict], cells: pd.DataFrame) -> list[dict]:
    counts = cells["group"].value_counts()
    return [group | {"seeds": int(counts[place])} for place, group in enumerate(groups)]


def notes_on_seeds(cells: pd.DataFrame, bases: list[int | None]) -> list[str]:
    """Warnings: few seeds, groups that have different ones, tests that can't come out."""
    notes = []
    seeds = [frozenset(seeds) for _, seeds in cells.groupby("group")["seed"]]
    if (fewest := min(map(len, seeds))) < FEW_SEEDS:
        notes.append(
            f"a group has {fewest} seed{'s' * (fewest > 1)} only; with fewer than {FEW_SEEDS} trust no interval"
        )
    if len(set(seeds)) > 1:
        notes.append("the groups have different seeds; differences are over those that both have")
    common = [len(seeds[base] & mine) for base, mine in zip(bases, seeds, strict=True) if base is not None]
    if common and (least := 2 / 2 ** min(common)) > 0.05:
        notes.append(f"with {min(common)} seeds in common no p can be below {min(least, 1):.3g}: look at the intervals")
    return notes


def figures_of(cells: pd.DataFrame) -> list[dict[str, dict]]:
    """Of each group the figures of each metric that it has measured."""
    metrics = metrics_of(cells.drop(columns="group"))
    summary = statistics.summarize(by_seed_and_group(cells, cells[metrics]))
    return [
        {
            metric: {"seeds": int(summary.seeds[place, column])}
            | {name: finite(getattr(summary, name)[place, column]) for name in FIGURES}
            for column, metric in enumerate(metrics)
            if summary.seeds[place, column]
        }
        for place in range(len(summary.seeds))
    ]


def differences(
    cells: pd.DataFrame, groups: list[dict], bases: list[int | None], by: list[str], tested: Sequence[str]
) -> dict[tuple[int, str], dict]:
    """The paired difference of each group from its baseline, by place and metric."""
    pairs = [(base, place) for place, base in enumerate(bases) if base is not None]
    if not pairs:
        return {}
    firsts, seconds = np.array(pairs).T
    values = by_seed_and_group(cells, cells.reindex(columns=list(tested)))
    found = {}
    for column, metric in enumerate(tested):
        table = values[:, :, column]
        # A generator for each, so that the answer doesn't hang on what else is asked.
        result = statistics.compare(table, pairs, np.random.default_rng(0))
        # The sign-flip test can't reach 0.05 with five seeds: what differs is said by intervals that hold all together.
        _, low, high = statistics.mean_interval(table[:, seconds] - table[:, firsts], 1 - 0.05 / len(pairs))
        for row, (base, place) in enumerate(pairs):
            figures = {name: finite(getattr(result, name)[row]) for name in DIFFERENCES}
            about = {"baseline": label(groups[base], telling(groups, by)), "seeds": int(result.seeds[row])}
            differs = bool(low[row] > 0 or high[row] < 0)
            found[place, metric] = {"versus": about | figures | {"differs": differs}}
    return found


def finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
