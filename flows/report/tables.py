"""A comparison as tables: for a terminal, as Markdown, JSON and CSV."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from flows.report.compare import Comparison
from flows.report.values import show
from mlp.measures.metrics import Metric, headlines, metric
from mlp.statistics.intervals import FEWEST_SEEDS, sampling_error

CAPTION = (
    "Mean ± standard deviation over seeds, in %. memorized: wrong labels that are given back; noise: the largest "
    "activation for uniform noise."
)
INTERVAL = "95 % interval"


def spread(row: Metric, comparison: Comparison, place: int) -> str:
    """Mean ± standard deviation of a group; the mean alone for one seed."""
    over_seeds = comparison.of(row.name)
    mean, std = over_seeds.mean[place], over_seeds.std[place]
    return row.text(mean) + (f" ± {row.text(std)}" if np.isfinite(std) else "")


def interval(row: Metric, low: float, high: float, seeds: NDArray, signed: bool = False) -> str:
    """Both ends of an interval; of few seeds their values (seeds,)."""
    known = np.sort(seeds[np.isfinite(seeds)])
    if 2 <= len(known) < FEWEST_SEEDS:
        return ", ".join(row.text(value, signed) for value in known)
    return f"{row.text(low, signed)} … {row.text(high, signed)}" if np.isfinite(low) else "–"


def p_value(value: float) -> str:
    return "–" if np.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def heading(row: Metric) -> str:
    """A metric's name with its unit."""
    return f"{row.name}, {row.unit}" if row.unit else row.name


def overview_headings() -> list[str]:
    """The columns of an overview after those of the params."""
    return ["seeds", *(row.headline for row in headlines())]


def overview_rows(comparison: Comparison) -> list[list[str]]:
    """For each group its seeds and the headline metrics."""
    return [
        [str(seeds), *(spread(row, comparison, place) for row in headlines())]
        for place, seeds in enumerate(comparison.seeds)
    ]


def detail_headings(comparison: Comparison) -> list[str]:
    """The columns of a table of one metric after those of the params."""
    return ["seeds", "mean", INTERVAL] + ["difference", INTERVAL, "p"] * comparison.has_baseline


def detail_rows(comparison: Comparison, name: str) -> list[list[str]]:
    """For each group one metric: seeds, mean, interval, and the difference from its baseline."""
    row, over_seeds, versus = metric(name), comparison.of(name), comparison.differences.get(name)
    values, rows = comparison.values(name), []
    for place, base in enumerate(comparison.baselines):
        cells = [str(over_seeds.seeds[place]), row.text(over_seeds.mean[place])]
        cells.append(interval(row, over_seeds.low[place], over_seeds.high[place], values[:, place]))
        if comparison.has_baseline:
            cells += ["", "", ""] if base is None or versus is None else [
                row.text(versus.difference[place], signed=True),
                interval(row, versus.low[place], versus.high[place], values[:, place] - values[:, base], signed=True),
                p_value(versus.p_adjusted[place]),
            ]  # fmt: skip
        rows.append(cells)
    return rows


def detail_caption(comparison: Comparison, name: str) -> str:
    """What the columns of `detail_rows` mean, and what the figures can't show."""
    row = metric(name)
    method = f"Interval: 95 %, Student's t{' on logits' * (row.scale == 'share')}{few(comparison.seeds)}."
    method += sampling(comparison, row)
    if not comparison.has_baseline:
        return method
    bases = dict.fromkeys(comparison.label(base) for base in comparison.baselines if base is not None)
    baseline = next(iter(bases)) if len(bases) == 1 else "the baseline that shares all other params"
    count = sum(base is not None for base in comparison.baselines)
    return (
        f"{method} Difference: from {baseline}, seed by seed. p: sign-flip test, Holm's correction for {count} "
        f"test{'s' * (count > 1)}.{smallest_p(comparison, name, count)}"
    )


def few(seeds: NDArray) -> str:
    """What stands for the intervals of groups with few seeds, if there are such groups."""
    return f"; of fewer than {FEWEST_SEEDS} seeds, their values" if (seeds < FEWEST_SEEDS).any() else ""


def sampling(comparison: Comparison, row: Metric) -> str:
    """How far the choice of test images may move the highest test accuracy, which no number of seeds shows."""
    counts = pd.to_numeric(comparison.cells["test_images"], errors="coerce").unique()
    best = comparison.of(row.name).mean
    if row.name != "test/accuracy" or len(counts) != 1 or not np.isfinite(counts[0]) or not np.isfinite(best).any():
        return ""
    share = float(np.nanmax(best))
    error = 100 * sampling_error(share, int(counts[0]))
    return f" Not in it: the sampling of {counts[0]:,.0f} test images, ± {error:.2f} points at {row.text(share)} %."


def smallest_p(comparison: Comparison, name: str, tests: int) -> str:
    """The smallest adjusted p that so few seeds allow, where a group has it."""
    versus = comparison.differences.get(name)
    if versus is None:
        return ""
    compared = np.array([base is not None for base in comparison.baselines])
    least = 2.0 ** (1 - versus.seeds)
    if not (compared & np.isclose(versus.p_value, least)).any():
        return ""
    seeds = int(versus.seeds[compared].min())
    text = f"{tests} · 2 / 2^{seeds}" if tests > 1 else f"2 / 2^{seeds}"
    return f" {seeds} seeds allow no p below {min(tests * 2.0 ** (1 - seeds), 1):.3g} ({text})."


def params(comparison: Comparison) -> list[list[str]]:
    """For each group the values of its params."""
    return [[show(group[name]) for name in comparison.by] for group in comparison.groups]


def overview(comparison: Comparison, title: str) -> Table:
    """The headline metrics of each group, for a terminal."""
    return terminal_table(title, CAPTION, comparison, overview_headings(), overview_rows(comparison))


def detail(comparison: Comparison, name: str) -> Table:
    """One metric of each group, for a terminal."""
    headings, rows = detail_headings(comparison), detail_rows(comparison, name)
    return terminal_table(heading(metric(name)), detail_caption(comparison, name), comparison, headings, rows)


def terminal_table(
    title: str, caption: str, comparison: Comparison, headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> Table:
    """Columns of params, then these columns."""
    table = Table(
        title=f"\n{title}", caption=caption, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for name in comparison.varying:  # a terminal is narrow
        table.add_column(name, justify="right")
    for name in headings:  # the values of few seeds are the widest, and may take two lines
        table.add_column(name, justify="right", no_wrap=name != INTERVAL)
    for group, cells in zip(comparison.groups, rows, strict=True):
        table.add_row(*(show(group[name]) for name in comparison.varying), *cells)
    return table


def as_markdown(comparison: Comparison, metrics: Sequence[str]) -> str:
    """A table of the headline metrics; if metrics are given, one table for each of them."""

    def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        columns = [*comparison.by, *headings]
        cells = [[*group, *row] for group, row in zip(params(comparison), rows, strict=True)]
        return markdown_table(columns, cells, "r" * len(columns))

    if not metrics:
        return f"{table(overview_headings(), overview_rows(comparison))}\n\n{CAPTION}"
    parts = [
        (f"**{heading(metric(name))}**", table(detail_headings(comparison), detail_rows(comparison, name)),
         detail_caption(comparison, name))
        for name in metrics
    ]  # fmt: skip
    return "\n\n".join(text for part in parts for text in part)


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A table in Markdown; `align` has an ``l`` or an ``r`` for each column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headings, rule, *rows])


def as_json(comparison: Comparison, metrics: Sequence[str]) -> str:
    """The records of the groups; if metrics are given, with those only."""
    return json.dumps(records(comparison, metrics), indent=2)


def as_csv(comparison: Comparison, metrics: Sequence[str]) -> str:
    """One row a group; a metric's numbers in columns ``test/accuracy.mean``, ``test/accuracy.versus.difference``, …"""
    return pd.json_normalize(records(comparison, metrics)).to_csv(index=False)


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
    found = []
    for place, group in enumerate(comparison.groups):
        record: dict[str, Any] = {**group, "seeds": int(comparison.seeds[place])}
        for name in metrics or comparison.metrics:
            over_seeds = at(comparison.of(name), place)
            if not over_seeds["seeds"]:
                continue
            base, versus = comparison.baselines[place], comparison.differences.get(name)
            if base is not None and versus is not None:
                over_seeds["versus"] = {"baseline": comparison.label(base), **at(versus, place)}
            record[name] = over_seeds
        found.append(record)
    return found


def at(arrays: Any, place: int) -> dict[str, Any]:
    """One group's numbers of a dataclass of (groups,) arrays."""
    numbers = {field.name: getattr(arrays, field.name)[place].item() for field in fields(arrays)}
    return {name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in numbers.items()}  # fmt: skip
