"""The report: a comparison as one HTML page that needs no network, no server and no other file."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import yaml
from markupsafe import Markup
from mlflow.entities import Run
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from flows.report import tables
from flows.report.answer import answer
from flows.report.charts import EXPLORE, artifact_link
from flows.report.compare import Comparison
from flows.report.explore.packing import pack
from flows.report.grids import grid_charts
from flows.report.groups import common
from flows.report.templates import TEMPLATES
from flows.store.results import Selection
from mlp.figures.interactive import curves_chart, hues, measures_chart, seeds_chart
from mlp.measures.metrics import COST, METRICS, metric
from mlp.statistics.intervals import Estimate

PACKAGES = ("mlp-flows", "numpy", "scikit-learn", "mlflow", "prefect")
GENERATOR = '<meta name="generator" content="mlp-flows">'  # by which a report is known
MAX_SEEDS = 20  # whose curves are drawn
UNIFORM = "noise/uniform/confidence"


def page(
    selection: Selection,
    comparison: Comparison,
    points: pd.DataFrame,
    recipe: Mapping[str, Any],
    pictures: Mapping[str, Any],
    links: Mapping[str, str],
    *,
    explored: bool,
) -> str:
    """Write the report.

    Parameters
    ----------
    comparison : Comparison
        The cells of the selection compared, with a baseline.
    points : DataFrame
        The curves of the cells, a result of `flows.load_curves`.
    recipe : mapping
        The experiment of the sweep; empty for cells of several sweeps.
    pictures : mapping
        Result of `flows.report.pictures.draw`.
    links : mapping
        By run id of a cell, and of the sweep, the address of its page in MLflow.
    explored : bool
        True if the page in which a person draws lies beside the report.
    """
    sweep = selection.sweep
    info = sweep.info if sweep else None
    return TEMPLATES.get_template("page.html").render(
        generator=Markup(GENERATOR),
        title=selection.title,
        description=recipe.get("description", ""),
        facts=facts(comparison),
        sentences=answer(comparison),
        notes=[*selection.notes, *comparison.notes],
        groups=list(zip(comparison.names, hues(len(comparison.groups)), strict=True)),
        varying=", ".join(comparison.varying),
        curves=embedded(curves_charts(comparison, points)),
        sample=sample(comparison),
        most_seeds=MAX_SEEDS if comparison.cells["seed"].nunique() > MAX_SEEDS else 0,
        measures=embedded(measures_charts(comparison)),
        overview=tables.overview(comparison, by=[]),
        detail=tables.detail(comparison, "test/accuracy", by=[]),
        **pictures,
        best_and_worst=best_and_worst(comparison),
        links=links,
        common=common(comparison),
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True) if recipe else "",
        times=times(comparison, sweep),
        sweep=info,
        explore=(EXPLORE, artifact_link(info.experiment_id, info.run_id, EXPLORE)) if info and explored else (),
        versions={"Python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        plotly=pack(get_plotlyjs().encode()),
    )


def embedded(figures: dict[str, Figure]) -> list[tuple[str, Markup]]:
    """Titles and charts, as JSON that is safe inside a script element."""
    return [(title, Markup(figure.to_json().replace("<", "\\u003c"))) for title, figure in figures.items()]


def facts(comparison: Comparison) -> list[str]:
    """List what was compared: networks, seeds, groups, data, date."""
    cells = comparison.cells
    seeds, groups = cells["seed"].nunique(), len(comparison.groups)
    parts = [f"{len(cells)} networks", f"{seeds} seed{'s' * (seeds > 1)}"]
    parts += [f"{groups} groups by {', '.join(comparison.varying)}"] * (groups > 1)
    return [*parts, ", ".join(map(str, cells["data"].unique())), f"{cells['started'].max():%d %B %Y, %H:%M} UTC"]


def sample(comparison: Comparison) -> str:
    """Number of training images on which curves were measured between the first and the last epoch; empty for all."""
    numbers = pd.to_numeric(comparison.cells["evaluation_rows"], errors="coerce").dropna()
    return " or ".join(f"{number:,.0f}" for number in sorted(set(numbers)))


def curves_charts(comparison: Comparison, points: pd.DataFrame) -> dict[str, Figure]:
    """A chart for each metric that was measured by epoch, in the order of the table of metrics."""
    curves, of_seeds = comparison.curves(points), comparison.curves_of_seeds(points)
    measured = [row for row in METRICS.values() if row.name in curves]
    return {
        row.title: curves_chart(
            comparison.names, curves[row.name], row.share, of_seeds[row.name][:MAX_SEEDS], row.section == COST
        )
        for row in measured
    }


def measures_charts(comparison: Comparison) -> dict[str, Figure]:
    """Draw what was learned and memorized, the answers to noise, and how much the seeds differ."""
    below, names = ", ".join(comparison.varying), comparison.names
    accuracies = {row.name: row.label for row in METRICS.values() if row.measure and row.share}
    kinds = {name: name.split("/")[1] for name in comparison.metrics if name.endswith("/confidence")}
    seeds = [f"seed {seed}" for seed in np.unique(comparison.cells["seed"])]
    charts = {
        "Learned, memorized, resisted": measures_chart(names, estimates(comparison, accuracies), below),
        "Largest activation for noise": measures_chart(names, estimates(comparison, kinds), below),
        "Test accuracy of every seed, minus the mean of its group": seeds_chart(
            names, comparison.values("test/accuracy"), seeds, below
        ),
    }
    charts |= grid_charts(comparison)
    return {title: figure for title, figure in charts.items() if any(len(trace.x) for trace in figure.data)}


def estimates(comparison: Comparison, labels: dict[str, str]) -> dict[str, Estimate]:
    """By label the mean and the interval of each metric that was measured, (groups,) arrays."""
    found = {label: comparison.of(name) for name, label in labels.items()}
    return {label: Estimate(of.mean, of.low, of.high) for label, of in found.items() if of.seeds.any()}


def ranked(comparison: Comparison) -> pd.DataFrame:
    """The cells whose test accuracy is known, the best first."""
    cells = comparison.cells
    if "test/accuracy" not in cells:
        return cells.head(0)
    return cells.dropna(subset="test/accuracy").sort_values("test/accuracy", ascending=False)


def shown_cells(comparison: Comparison) -> pd.DataFrame:
    """The cells whose weights are shown: the best of the first, the middle and the last group."""
    return first_middle_last(ranked(comparison).drop_duplicates("group"))


def median_cells(comparison: Comparison) -> pd.DataFrame:
    """The cells that are asked about noise: of the same groups the seed with the median confidence on noise.

    On uniform noise, or on the first kind that was measured; of an even number of seeds the lower of the middle two.
    """
    kinds = sorted((name for name in comparison.metrics if name.endswith("/confidence")), key=UNIFORM.__ne__)
    if not kinds:
        return comparison.cells.head(0)
    known = comparison.cells.dropna(subset=kinds[0]).sort_values(kinds[0], kind="stable")
    place = known.groupby("group").cumcount()
    return first_middle_last(known[place == (known.groupby("group")["group"].transform("size") - 1) // 2])


def first_middle_last(cells: pd.DataFrame) -> pd.DataFrame:
    """Of cells of several groups, those of the first, the middle and the last."""
    cells = cells.sort_values("group")
    return cells.iloc[sorted({0, len(cells) // 2, len(cells) - 1})] if len(cells) else cells


def best_and_worst(comparison: Comparison) -> list[dict[str, str]]:
    """The cells with the best and with the worst test accuracy of each group."""
    rows = []
    for place, cells in ranked(comparison).groupby("group"):
        ends = {"worst": cells.iloc[-1]} if len(cells) > 1 else {}
        for which, cell in ({"best": cells.iloc[0]} | ends).items():
            accuracy = metric("test/accuracy").text(cell["test/accuracy"])
            about = {"which": which, "name": cell["name"], "accuracy": accuracy, "run": cell["run_id"]}
            rows.append({"group": comparison.names[place], **about})
    return rows


def times(comparison: Comparison, sweep: Run | None) -> dict[str, str]:
    """Tell when the networks were trained, and how long it took."""
    cells = comparison.cells
    ended = cells["started"] + pd.to_timedelta(cells["seconds"], unit="s")
    found = {
        "first network started": f"{cells['started'].min():%Y-%m-%d %H:%M:%S} UTC",
        "last network ended": f"{ended.max():%Y-%m-%d %H:%M:%S} UTC",
        "time per stack": f"{cells['seconds'].median():.1f} s (median)",
    }
    if sweep:
        trained = (cells["sweep"] == sweep.info.run_id).sum()
        found |= {"trained by this sweep": f"{trained} of {len(cells)} networks"}
        if commit := sweep.data.tags.get("mlflow.source.git.commit"):
            found["commit"] = commit
    return found
