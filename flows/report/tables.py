"""A comparison as tables of text, for a terminal, as Markdown and for a page; and as records, for JSON and CSV."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from flows.report.compare import Comparison, Group, can_be_significant, plain, show, smallest_p
from mlp.measures.metrics import Metric, headlines, metric
from mlp.statistics.differences import Differences
from mlp.statistics.intervals import FEWEST_SEEDS, Summary, sampling_error

CAPTION = (
    "Mean ± standard deviation over seeds, in %. memorized: wrong labels that are given back; noise: the largest "
    "activation for uniform noise."
)
INTERVAL, VALUES = "95 % interval", "values"  # of few seeds the values themselves


@dataclass(frozen=True)
class TextTable:
    """A table of texts.

    Attributes
    ----------
    headings : sequence of str
    rows : sequence of (headings,) sequences
    title, caption : str
        Texts above it and below it.
    prose : bool
        True if the cells are words, which begin at the left and may be broken, rather than numbers.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    caption: str = ""
    prose: bool = False

    def __rich__(self) -> Table:
        """The table for a terminal."""
        table = Table(
            title=f"\n{self.title}", caption=self.caption, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False,
            show_edge=False, title_justify="left", caption_justify="left",
        )  # fmt: skip
        for name in self.headings:  # the values of few seeds are the widest, and may take two lines
            whole = not self.prose and VALUES not in name and INTERVAL not in name
            table.add_column(name, justify="left" if self.prose else "right", no_wrap=whole, overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def markdown(self) -> str:
        """The table in Markdown, without its title and its caption."""
        return markdown_table(self.headings, self.rows, ("l" if self.prose else "r") * len(self.headings))


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A table in Markdown; `align` has an ``l`` or an ``r`` for each column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headings, rule, *rows])


def spread(row: Metric, comparison: Comparison, index: int) -> str:
    """Mean ± standard deviation of a group; the mean alone for one seed."""
    over_seeds = comparison.of(row.name)
    mean, std = over_seeds.mean[index], over_seeds.std[index]
    return row.text(mean) + (f" ± {row.text(std)}" if np.isfinite(std) else "")


def interval(row: Metric, ends: tuple[float, float], seeds: NDArray[np.float64], *, signed: bool = False) -> str:
    """Both ends of an interval; of few seeds their values (seeds,)."""
    values = np.sort(seeds[np.isfinite(seeds)])
    if 2 <= len(values) < FEWEST_SEEDS:
        return ", ".join(row.text(value, signed) for value in values)
    return f"{row.text(ends[0], signed)} … {row.text(ends[1], signed)}" if np.isfinite(ends[0]) else "–"


def p_value(value: float) -> str:
    return "–" if np.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def interval_heading(seeds: NDArray[np.int64]) -> str:
    """The heading of a column of `interval`, for groups with so many seeds (groups,)."""
    few = (seeds > 1) & (seeds < FEWEST_SEEDS)
    return INTERVAL if not few.any() else f"{INTERVAL} or {VALUES}" if (seeds >= FEWEST_SEEDS).any() else VALUES


def versus_headings(row: Metric, what: str, versus: Differences | None) -> list[str]:
    """The headings of the columns of `versus_cells`: differences of shares are in points."""
    seeds = np.zeros(0, int) if versus is None else versus.seeds
    return [f"{what}, points" if row.share else what, interval_heading(seeds), "p"]


def versus_cells(row: Metric, versus: Differences, index: int, apart: NDArray[np.float64], tests: int) -> list[str]:
    """A difference, its interval and its p, if the seeds allow one; `apart` (seeds,) are the differences themselves."""
    measured = apart[np.isfinite(apart)]
    difference = row.text(measured.mean() if measured.size else np.nan, signed=True)
    ends = versus.low[index], versus.high[index]
    p = versus.p_adjusted[index] if can_be_significant(int(versus.seeds[index]), tests) else np.nan
    return [difference, interval(row, ends, apart, signed=True), p_value(p)]


def heading(row: Metric) -> str:
    """A metric's name with its unit."""
    return f"{row.name}, {row.unit}" if row.unit else row.name


def overview(comparison: Comparison, title: str = "", by: Sequence[str] | None = None) -> TextTable:
    """For each group its params, its seeds and the headline metrics.

    Parameters
    ----------
    by : sequence of str, optional
        The params that are columns: by default those that vary, since a terminal is narrow.
    """
    by = comparison.varying if by is None else by
    rows = [
        [*params(group, by), str(comparison.seeds[index]), *(spread(row, comparison, index) for row in headlines())]
        for index, group in enumerate(comparison.groups)
    ]
    return TextTable([*by, "seeds", *(row.headline for row in headlines())], rows, title, CAPTION)


def detail(comparison: Comparison, name: str, by: Sequence[str] | None = None) -> TextTable:
    """For each group one metric: seeds, mean, interval, and the difference from its baseline; `by` as in `overview`."""
    by = comparison.varying if by is None else by
    row, over_seeds, versus = metric(name), comparison.of(name), comparison.differences.get(name)
    values, rows, tests = comparison.values(name), [], count_tests(comparison.baselines)
    for index, (group, base) in enumerate(zip(comparison.groups, comparison.baselines, strict=True)):
        ends = over_seeds.low[index], over_seeds.high[index]
        cells = [*params(group, by), str(over_seeds.seeds[index]), row.text(over_seeds.mean[index])]
        cells.append(interval(row, ends, values[:, index]))
        if base is not None and versus is not None:
            cells += versus_cells(row, versus, index, values[:, index] - values[:, base], tests)
        elif comparison.has_baseline:
            cells += ["", "", ""]
        rows.append(cells)
    headings = [*by, "seeds", "mean", interval_heading(over_seeds.seeds)]
    headings += versus_headings(row, "difference", versus) * comparison.has_baseline
    return TextTable(headings, rows, heading(row), detail_caption(comparison, name))


def params(group: Group, by: Sequence[str]) -> list[str]:
    """The values of a group's params."""
    return [show(group[name]) for name in by]


def count_tests(baselines: Sequence[int | None]) -> int:
    """Number of groups that are tested."""
    return sum(base is not None for base in baselines)


def detail_caption(comparison: Comparison, name: str) -> str:
    """Explain what the columns of `detail` mean, and what the figures can't show."""
    row = metric(name)
    method = f"Interval: 95 %, Student's t{' on logits' * (row.scale == 'share')}{few(comparison.seeds)}."
    method += sampling(comparison, row)
    if not comparison.has_baseline:
        return method
    bases = dict.fromkeys(comparison.label(base) for base in comparison.baselines if base is not None)
    baseline = next(iter(bases)) if len(bases) == 1 else "the baseline that shares all other params"
    caption = p_caption(comparison.differences.get(name), comparison.baselines)
    return f"{method} Difference: from {baseline}, seed by seed. {caption}"


def p_caption(versus: Differences | None, baselines: Sequence[int | None]) -> str:
    """Explain how p was computed, and how small it can be where a group has the smallest; or why there is none."""
    tests = count_tests(baselines)
    seeds = np.zeros(0, int) if versus is None else versus.seeds[[base is not None for base in baselines]]
    if versus is None or not seeds.any():
        return ""
    least = int(seeds[seeds > 0].min())
    limit = f"{smallest_p(least, tests)}."
    if not can_be_significant(int(seeds.max()), tests):
        return f"No p: {limit}"
    correction = f", Holm's correction for {tests} tests" if tests > 1 else ""
    close = np.isclose(versus.p_value, 2.0 ** (1 - versus.seeds)).any() or not can_be_significant(least, tests)
    return f"p: sign-flip test{correction}.{f' {limit}' if close else ''}"


def few(seeds: NDArray) -> str:
    """Explain what stands for the intervals of groups with few seeds, if there are such groups."""
    return f"; of fewer than {FEWEST_SEEDS} seeds, their values" if (seeds < FEWEST_SEEDS).any() else ""


def sampling(comparison: Comparison, row: Metric) -> str:
    """Tell how far the choice of test images may move the highest test accuracy, which no number of seeds shows."""
    counts = pd.to_numeric(comparison.cells["test_images"], errors="coerce").unique()
    best = comparison.of(row.name).mean
    if row.name != "test/accuracy" or len(counts) != 1 or not np.isfinite(counts[0]) or not np.isfinite(best).any():
        return ""
    share = float(np.nanmax(best))
    error = 100 * sampling_error(share, int(counts[0]))
    return f" Not in it: the sampling of {counts[0]:,.0f} test images, ± {error:.2f} points at {row.text(share)} %."


def as_markdown(comparison: Comparison, metrics: Sequence[str]) -> str:
    """A table of the headline metrics; if metrics are given, one table for each of them."""
    if not metrics:
        return f"{overview(comparison, by=comparison.by).markdown()}\n\n{CAPTION}"
    tables = [detail(comparison, name, comparison.by) for name in metrics]
    return "\n\n".join(f"**{table.title}**\n\n{table.markdown()}\n\n{table.caption}" for table in tables)


def as_json(comparison: Comparison, metrics: Sequence[str]) -> str:
    """The records of the groups; if metrics are given, with those only."""
    return json.dumps(records(comparison, metrics), indent=2)


def as_csv(groups: Sequence[dict[str, Any]]) -> str:
    """One row a record; a metric's numbers in columns ``test/accuracy.mean``, ``test/accuracy.versus.difference``, …"""
    return pd.json_normalize(list(groups)).to_csv(index=False)


def records(comparison: Comparison, metrics: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The groups as JSON has them.

    Returns
    -------
    list of dict
        ``{"fraction": 0.0, "seeds": 3, "test/accuracy": {"seeds": 3, "mean": …, "std": …, "median": …, "iqm": …,
        "low": …, "high": …}, …}``, the fields of `mlp.statistics.intervals.Summary`. A metric that was compared with a
        baseline also has ``"versus"``: its label as ``"baseline"``, and the fields of
        `mlp.statistics.differences.Differences`.
        Numbers that are not defined are null.
    """
    result = []
    for index, group in enumerate(comparison.groups):
        record: dict[str, Any] = {**group, "seeds": int(comparison.seeds[index])}
        for name in metrics or comparison.metrics:
            over_seeds = at(comparison.of(name), index)
            if not over_seeds["seeds"]:
                continue
            base, versus = comparison.baselines[index], comparison.differences.get(name)
            if base is not None and versus is not None:
                over_seeds["versus"] = {"baseline": comparison.label(base), **at(versus, index)}
            record[name] = over_seeds
        result.append(record)
    return result


def at(arrays: Summary | Differences, index: int) -> dict[str, Any]:
    """One group's numbers of (groups,) arrays."""
    return {name: plain(values[index]) for name, values in vars(arrays).items()}
