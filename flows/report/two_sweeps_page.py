"""Two sweeps compared, as one HTML page that needs no network and no other file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.report import two_sweeps_tables as tables
from flows.report.templates import TEMPLATES
from flows.report.two_sweeps import TwoSweeps
from mlp.measures.metrics import Metric, metric

WIDTH, HEIGHT, EDGE = 150, 120, 12  # of a panel; the lines keep this distance from its upper and lower edge


def page(two: TwoSweeps, metrics: Sequence[str]) -> str:
    """Write the page: the settings that differ, then for each metric a table and a picture of its pairs."""
    return TEMPLATES.get_template("two_sweeps.html").render(
        two=two,
        settings=tables.settings(two),
        same_settings=tables.SAME_SETTINGS,
        metrics=[
            {"title": metric(name).title, "table": tables.detail(two, name), "panels": panels(two, name)}
            for name in metrics
            if two.both
        ],
        caption=tables.caption(two, metrics),
        width=WIDTH,
        height=HEIGHT,
    )


def panels(two: TwoSweeps, name: str) -> list[dict[str, Any]]:
    """For each group that has pairs of a metric, a line from A to B for each seed, and one for the mean."""
    assert two.both
    values, seeds, found = two.both.values(name), np.unique(two.both.cells["seed"]), []
    for place in range(len(two.groups)):
        pairs = values[:, [place, place + len(two.groups)]]
        present = np.isfinite(pairs[:, 0])
        if present.any():
            found.append({"label": two.both.label(place)} | panel(metric(name), seeds[present], pairs[present]))
    return found


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
