"""A comparison as text: for a terminal, as Markdown, JSON and CSV."""

import json
from collections.abc import Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from flows.compare import Comparison, show

# What a table shows where nothing else is asked for, and what it calls it.
HEADLINES = {
    "train/accuracy": "train",
    "train/accuracy_memorized": "memorized",
    "test/accuracy": "test",
    "noise/uniform/confidence": "noise",
}
CAPTION = (
    "Mean ± standard deviation over seeds, in %. memorized: wrong labels learned; noise: the largest activation "
    "that uniform noise gets."
)
VERSUS_CAPTION = (
    "Interval: 95 %, Student's t. Difference: from {baseline}, seed by seed. p: sign-flip test, Holm's correction for "
    "{count} {groups}."
)


def is_share(metric: str) -> bool:
    """Whether a metric lies in 0..1 and is shown in percent; costs, epochs, nats and digits are shown as they are."""
    return metric.rsplit("/", 1)[-1] not in ("cost", "entropy", "favourite") and not metric.startswith("epochs_to_")


def value(metric: str, figure: float | None, signed: bool = False) -> str:
    """A figure as text, a share in percent."""
    if figure is None:
        return "–"
    text = f"{100 * figure:{'+' * signed}.2f}" if is_share(metric) else f"{figure:{'+' * signed}.4g}"
    return text.replace("-", "−")


def spread(metric: str, figures: dict | None) -> str:
    """Mean ± standard deviation."""
    if figures is None:
        return "–"
    return value(metric, figures["mean"]) + ("" if figures["std"] is None else f" ± {value(metric, figures['std'])}")


def interval(metric: str, figures: dict | None, signed: bool = False) -> str:
    """Both ends of an interval."""
    if figures is None or figures["low"] is None:
        return "–"
    return f"{value(metric, figures['low'], signed)} … {value(metric, figures['high'], signed)}"


def p_value(figure: float | None) -> str:
    return "–" if figure is None else "<0.001" if figure < 0.001 else f"{figure:.3f}"


def overview(comparison: Comparison, title: str) -> Table:
    """The headline metrics of each group."""
    table = empty(title, CAPTION, comparison.by)
    for heading in ("seeds", *HEADLINES.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in comparison.groups:
        measured = [spread(metric, group.get(metric)) for metric in HEADLINES]
        table.add_row(*names(group, comparison.by), str(group["seeds"]), *measured)
    return table


def detail(comparison: Comparison, metric: str) -> Table:
    """One metric of each group: mean, interval, and the difference from its baseline."""
    table = empty(metric + (", %" if is_share(metric) else ""), caption(comparison), comparison.by)
    for heading in detail_headings(comparison):
        table.add_column(heading, justify="right", no_wrap=True)
    for cells in detail_rows(comparison, metric):
        table.add_row(*cells)
    return table


def detail_headings(comparison: Comparison) -> list[str]:
    headings = ["seeds", "mean", "95 % interval"]
    return headings + (["difference", "95 % interval", "p"] if has_baseline(comparison) else [])


def detail_rows(comparison: Comparison, metric: str) -> list[list[str]]:
    rows = []
    for group in comparison.groups:
        figures = group.get(metric)
        measured = figures or {"seeds": 0, "mean": None}
        cells = [*names(group, comparison.by), str(measured["seeds"]), value(metric, measured["mean"])]
        cells.append(interval(metric, figures))
        if has_baseline(comparison):
            versus = measured.get("versus")
            cells += ["", "", ""] if versus is None else [
                value(metric, versus["difference"], signed=True),
                interval(metric, versus, signed=True),
                p_value(versus["p_adjusted"]),
            ]  # fmt: skip
        rows.append(cells)
    return rows


def has_baseline(comparison: Comparison) -> bool:
    return any(base is not None for base in comparison.baselines)


def caption(comparison: Comparison) -> str:
    if not has_baseline(comparison):
        return "Interval: 95 %, Student's t."
    bases = dict.fromkeys(comparison.label(base) for base in comparison.baselines if base is not None)
    baseline = next(iter(bases)) if len(bases) == 1 else "the baseline that is like it in all else"
    count = sum(base is not None for base in comparison.baselines)
    return VERSUS_CAPTION.format(baseline=baseline, count=count, groups="test" if count == 1 else "tests")


def empty(title: str, caption: str, by: Sequence[str]) -> Table:
    table = Table(
        title=f"\n{title}", caption=caption, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for name in by:
        table.add_column(name, justify="right")
    return table


def names(group: dict, by: Sequence[str]) -> list[str]:
    return [show(group[name]) for name in by]


def as_markdown(comparison: Comparison, metrics: Sequence[str]) -> str:
    """A table of the headline metrics; or one a metric, if metrics are given."""
    if metrics:
        tables = [
            f"**{metric}{', %' if is_share(metric) else ''}**\n\n"
            + markdown_table([*comparison.by, *detail_headings(comparison)], detail_rows(comparison, metric))
            for metric in metrics
        ]
        return "\n\n".join([*tables, caption(comparison)])
    rows = [
        [*names(group, comparison.by), str(group["seeds"]), *(spread(name, group.get(name)) for name in HEADLINES)]
        for group in comparison.groups
    ]
    return f"{markdown_table([*comparison.by, 'seeds', *HEADLINES.values()], rows)}\n\n{CAPTION}"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---:"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def as_json(comparison: Comparison, metrics: Sequence[str]) -> str:
    """The groups; with metrics, those only."""
    return json.dumps(chosen(comparison, metrics), indent=2)


def as_csv(comparison: Comparison, metrics: Sequence[str]) -> str:
    """One row a group; a metric's figures in columns ``test/accuracy.mean``, ``test/accuracy.versus.difference``, …"""
    return pd.json_normalize(chosen(comparison, metrics)).to_csv(index=False)


def chosen(comparison: Comparison, metrics: Sequence[str]) -> list[dict]:
    about = (*comparison.by, "seeds")
    return [
        {name: group[name] for name in (*about, *metrics) if name in group} if metrics else group
        for group in comparison.groups
    ]
