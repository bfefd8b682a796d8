"""The report: a comparison as one HTML page that needs no network, no server and no other file."""

import platform
from base64 import b64encode
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files

import jinja2
import numpy as np
import pandas as pd
import yaml
from markupsafe import Markup
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from flows import tables, words
from flows.compare import Comparison, compare, show
from flows.results import CURVES, PARAMS, Selection, read_artifact, read_curves
from flows.weights import first_layer
from mlp.confidence import NOISES
from mlp.figures.interactive import curves_chart, hues, measures_chart, seeds_chart
from mlp.figures.tiles import weight_tile
from mlp.statistics import Estimate, Summary

TITLES = {
    "test/accuracy": "Test images read correctly",
    "train/accuracy": "Training labels given back",
    "train/accuracy_memorized": "Wrong training labels given back",
    "train/cost": "Cost on the training images",
}
ACCURACIES = {
    "test/accuracy": "test images",
    "train/accuracy_clean": "right labels",
    "train/accuracy_memorized": "wrong labels, memorized",
    "train/accuracy_resisted": "wrong labels, resisted",
}
TESTED = [*tables.HEADLINES, *(f"noise/{kind}/confidence" for kind in NOISES)]
PACKAGES = ("mlp-flows", "numpy", "scikit-learn", "mlflow", "prefect")
MOST_TILES = 16


def compare_all(cells: pd.DataFrame, by: Sequence[str] = ("fraction",), baseline: str = "") -> Comparison:
    """All that a report tests; the baseline is the first group if no other is given."""
    return compare(cells, by, baseline or first_group(compare(cells, by)), TESTED)


def first_group(comparison: Comparison) -> str:
    """Such as ``fraction=0``."""
    first = comparison.telling[0]
    return f"{first}={show(comparison.groups[0][first])}"


def page(client: MlflowClient, selection: Selection, by: Sequence[str], baseline: str) -> str:
    """The report on any cells, read and compared."""
    comparison = compare_all(selection.cells, by, baseline)
    points = read_curves(client, list(selection.cells["run_id"]), CURVES)
    return write_page(client, selection, comparison, comparison.curves(points))


def write_page(client: MlflowClient, selection: Selection, comparison: Comparison, curves: dict[str, Summary]) -> str:
    """The report on a selection of cells.

    Parameters
    ----------
    comparison : Comparison
        Of the selection's cells, with a baseline.
    curves : dict
        Of `Comparison.curves`.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string((files("flows") / "page.html").read_text(encoding="utf-8"))
    recipe = read_artifact(client, selection.sweep, "experiment.yaml") if selection.sweep else {}
    return template.render(
        title=selection.title,
        description=recipe.get("description", ""),
        facts=facts(comparison),
        sentences=words.answer(comparison),
        notes=[*selection.notes, *comparison.notes],
        groups=list(zip(comparison.names, hues(len(comparison.groups)), strict=True)),
        telling=", ".join(comparison.telling),
        curves=[(title, embedded(figure)) for title, figure in curves_charts(comparison, curves).items()],
        measures=[(title, embedded(figure)) for title, figure in measures_charts(comparison).items()],
        overview=overview(comparison),
        detail=tables.detail_headings(comparison),
        details=[row[len(comparison.by) :] for row in tables.detail_rows(comparison, "test/accuracy")],
        overview_caption=tables.CAPTION,
        caption=tables.caption(comparison),
        weights=weights(client, comparison),
        best_and_worst=best_and_worst(comparison),
        common=common(comparison),
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True) if recipe else "",
        times=times(selection, comparison),
        versions={"Python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        plotly=Markup(get_plotlyjs()),
    )


def embedded(figure: Figure) -> Markup:
    """A chart as JSON that may stand inside a script element."""
    return Markup(figure.to_json().replace("<", "\\u003c"))


def facts(comparison: Comparison) -> list[str]:
    """What was compared, in a line."""
    cells = comparison.cells
    seeds, groups = cells["seed"].nunique(), len(comparison.groups)
    parts = [f"{len(cells)} networks", f"{seeds} seed{'s' * (seeds > 1)}"]
    parts += [f"{groups} groups by {', '.join(comparison.telling)}"] * (groups > 1)
    return [*parts, ", ".join(map(str, cells["data"].unique())), f"{cells['started'].max():%d %B %Y, %H:%M} UTC"]


def curves_charts(comparison: Comparison, curves: dict[str, Summary]) -> dict[str, Figure]:
    return {
        title: curves_chart(comparison.names, curves[name], tables.is_share(name))
        for name, title in TITLES.items()
        if name in curves
    }


def measures_charts(comparison: Comparison) -> dict[str, Figure]:
    """What was learned, memorized, answered to noise, and how far apart the seeds are."""
    below = ", ".join(comparison.telling)
    names = comparison.names
    kinds = {metric: metric.split("/")[1] for metric in comparison.cells if metric.endswith("/confidence")}
    values = comparison.values(["test/accuracy"])[:, :, 0]
    seeds = [f"seed {seed}" for seed in np.unique(comparison.cells["seed"])]
    return {
        "Learned, memorized, resisted": measures_chart(names, estimates(comparison, ACCURACIES), below),
        "Largest activation for noise": measures_chart(names, estimates(comparison, kinds), below),
        "Test accuracy of every seed, minus the mean of its group": seeds_chart(names, values, seeds, below),
    }


def estimates(comparison: Comparison, metrics: dict[str, str]) -> dict[str, Estimate]:
    """By name the mean and its interval of each metric that was measured, (groups,) arrays."""
    found = {}
    for metric, name in metrics.items():
        figures = [group.get(metric, {}) for group in comparison.groups]
        ends = [np.array([figure.get(end) for figure in figures], dtype=float) for end in ("mean", "low", "high")]
        if np.isfinite(ends[0]).any():
            found[name] = Estimate(*ends)
    return found


def overview(comparison: Comparison) -> list[list[str]]:
    """A row a group: seeds and the headline figures."""
    return [
        [str(group["seeds"]), *(tables.spread(metric, group.get(metric)) for metric in tables.HEADLINES)]
        for group in comparison.groups
    ]


def ranked(comparison: Comparison) -> pd.DataFrame:
    """The cells whose test accuracy is known, the best first."""
    cells = comparison.cells
    if "test/accuracy" not in cells:
        return cells.head(0)
    return cells.dropna(subset="test/accuracy").sort_values("test/accuracy", ascending=False)


def best_and_worst(comparison: Comparison) -> list[dict[str, str]]:
    """Of each group the cell with the best and the one with the worst test accuracy."""
    rows = []
    for place, cells in ranked(comparison).groupby("group"):
        ends = [("best", cells.iloc[0])] + [("worst", cells.iloc[-1])] * (len(cells) > 1)
        for which, cell in ends:
            accuracy = tables.value("test/accuracy", cell["test/accuracy"])
            rows.append(
                {
                    "group": comparison.names[place],
                    "which": which,
                    "name": cell["name"],
                    "accuracy": accuracy,
                    "run": cell["run_id"],
                }
            )
    return rows


def weights(client: MlflowClient, comparison: Comparison) -> list[dict]:
    """Pictures of what the best cell of the first, the middle and the last group has learned to look for."""
    best = ranked(comparison).drop_duplicates("group").sort_values("group")
    shown = best.iloc[sorted({0, len(best) // 2, len(best) - 1})] if len(best) else best
    rows = []
    for _, cell in shown.iterrows():
        try:
            images = first_layer(client, cell)
        except (MlflowException, OSError):
            continue  # Someone deleted the artifact: the page has one picture less.
        tiles = {
            name: [tile(image, float(np.abs(pictures).max())) for image in pictures[:MOST_TILES]]
            for name, pictures in images.items()
        }
        rows.append({"group": comparison.label(cell["group"]), "name": cell["name"], "tiles": tiles})
    return rows


def tile(image: np.ndarray, limit: float) -> str:
    return f"data:image/png;base64,{b64encode(weight_tile(image, limit)).decode()}"


def common(comparison: Comparison) -> dict[str, str]:
    """The params that all cells have in common."""
    cells = comparison.cells
    same = [name for name in PARAMS if name != "seed" and name not in comparison.telling]
    return {name: show(cells[name].iloc[0]) for name in same if pd.notna(cells[name].iloc[0])}


def times(selection: Selection, comparison: Comparison) -> dict[str, str]:
    """When the networks were trained, and how long it took."""
    cells = comparison.cells
    ended = cells["started"] + pd.to_timedelta(cells["seconds"], unit="s")
    told = {
        "first network started": f"{cells['started'].min():%Y-%m-%d %H:%M:%S} UTC",
        "last network ended": f"{ended.max():%Y-%m-%d %H:%M:%S} UTC",
        "time a stack": f"{cells['seconds'].median():.1f} s (median)",
    }
    if selection.sweep:
        sweep = selection.sweep.info.run_id
        told["trained by this sweep"] = f"{(cells['sweep'] == sweep).sum()} of {len(cells)} networks"
        told["sweep"] = sweep
        if commit := selection.sweep.data.tags.get("mlflow.source.git.commit"):
            told["commit"] = commit
    return told
