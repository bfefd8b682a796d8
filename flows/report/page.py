"""The report: a comparison as one HTML page that needs no network, no server and no other file."""

import platform
import re
from functools import partial
from importlib.metadata import version

import pandas as pd
import yaml
from markupsafe import Markup
from mlflow import MlflowClient
from mlflow.entities import Run
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from flows.platform.health import without_login
from flows.report import charts, pictures, tables
from flows.report.answer import answer
from flows.report.compare import Comparison
from flows.report.explore.packing import pack
from flows.report.groups import common
from flows.report.image_answers import ask
from flows.report.page_charts import MAX_SEEDS, curves_charts, measures_charts
from flows.report.templates import TEMPLATES
from flows.store.artifacts import read_experiment
from flows.store.results import Selection
from mlp.data.sets import class_name
from mlp.figures.interactive import hues
from mlp.measures.metrics import metric

PACKAGES = ("mlp-flows", "numpy", "scikit-learn", "mlflow", "prefect")
GENERATOR = '<meta name="generator" content="mlp-flows">'  # by which a report is known
UNIFORM = "noise/uniform/confidence"


def write_report(
    client: MlflowClient, selection: Selection, comparison: Comparison, points: pd.DataFrame, *, explored: bool = False
) -> str:
    """The report on a selection of cells, with pictures of the weights that can still be read.

    Parameters
    ----------
    comparison : Comparison
        The cells of the selection compared, with a baseline.
    points : DataFrame
        The curves of the cells, a result of `flows.load_curves`.
    explored : bool
        True if the page in which a person draws lies beside the report.
    """
    cells, sweep = comparison.cells, selection.sweep
    info = sweep.info if sweep else None
    recipe = read_experiment(client, sweep).model_dump(mode="json") if sweep else {}
    answers = ask(client, comparison, median_cells(comparison), recipe)
    links, sets = run_links(client, selection), cells["data"].unique()
    heads = {cell["run_id"]: pictures.head(comparison, cell, links) for _, cell in cells.iterrows()}
    return TEMPLATES.get_template("page.html").render(
        generator=Markup(GENERATOR),
        title=selection.title,
        question=question(recipe.get("description", "")),
        description=recipe.get("description", ""),
        facts=facts(comparison),
        sentences=answer(comparison),
        notes=[*selection.notes, *comparison.notes],
        groups=list(zip(comparison.names, hues(len(comparison.groups)), strict=True)),
        varying=", ".join(comparison.varying),
        curves=embedded(curves_charts(comparison, points)),
        sample=sample(comparison),
        most_seeds=MAX_SEEDS if cells["seed"].nunique() > MAX_SEEDS else 0,
        measures=embedded(measures_charts(comparison)),
        overview=tables.overview(comparison, by=[]),
        detail=tables.detail(comparison, "test/accuracy", by=[]),
        class_name=partial(class_name, sets[0] if len(sets) == 1 else ""),
        titles=[comparison.title(group) for group in range(len(comparison.groups))],
        answers=answers,
        misread_images=pictures.misread_images(answers),
        noise=pictures.noise_cards(heads, answers),
        weights=[
            heads[cell["run_id"]] | pictures.first_layer_of(client, cell)
            for _, cell in shown_cells(comparison).iterrows()
        ],
        first_neurons=pictures.FIRST_NEURONS,
        most_neurons=pictures.MAX_NEURONS,
        best_and_worst=best_and_worst(comparison),
        links=links,
        common=common(comparison),
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True) if recipe else "",
        times=times(comparison, sweep),
        sweep=info,
        explore=charts.artifact_link(info.experiment_id, info.run_id, charts.EXPLORE) if info and explored else "",
        versions={"Python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        plotly=pack(get_plotlyjs().encode()),
        plotly_notice=get_plotlyjs().partition("*/")[0].removeprefix("/**").strip(),
    )


def run_links(client: MlflowClient, selection: Selection) -> dict[str, str]:
    """The address in MLflow's pages of each cell of a selection and of its sweep, by run id."""
    server = without_login(charts.server_of(client))
    names = selection.cells["experiment"]
    ids = {
        name: experiment.experiment_id for name in names.unique() if (experiment := client.get_experiment_by_name(name))
    }
    runs = {run_id: ids[name] for run_id, name in zip(selection.cells["run_id"], names, strict=True)}
    if selection.sweep:
        runs[selection.sweep.info.run_id] = selection.sweep.info.experiment_id
    return {run_id: server + charts.run_link(experiment_id, run_id) for run_id, experiment_id in runs.items()}


def question(description: str) -> str:
    """The first question of an experiment's description; empty if it asks none."""
    first = next((part for part in re.split(r"(?<=[.?!:])\s+", description) if part.endswith("?")), "")
    return first[:1].upper() + first[1:]


def embedded(figures: dict[str, Figure]) -> list[tuple[str, Markup]]:
    """Titles and charts, as JSON that is safe inside a script element."""
    return [(title, Markup(figure.to_json().replace("<", "\\u003c"))) for title, figure in figures.items()]


def facts(comparison: Comparison) -> list[str]:
    """List what was compared: networks, seeds, groups, data, date."""
    cells = comparison.cells
    seeds, groups = cells["seed"].nunique(), len(comparison.groups)
    parts = [f"{len(cells)} network{'s' * (len(cells) > 1)}", f"{seeds} seed{'s' * (seeds > 1)}"]
    parts += [f"{groups} groups by {', '.join(comparison.varying)}"] * (groups > 1)
    return [*parts, ", ".join(map(str, cells["data"].unique())), f"{cells['started'].max():%d %B %Y, %H:%M} UTC"]


def sample(comparison: Comparison) -> str:
    """Number of training images on which curves were measured between the first and the last epoch; empty for all."""
    numbers = pd.to_numeric(comparison.cells["evaluation_rows"], errors="coerce").dropna()
    return " or ".join(f"{number:,.0f}" for number in sorted(set(numbers)))


def ranked(comparison: Comparison) -> pd.DataFrame:
    """The cells whose test accuracy was measured, the best first."""
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
    measured = comparison.cells.dropna(subset=kinds[0]).sort_values(kinds[0], kind="stable")
    rank, seeds = measured.groupby("group").cumcount(), measured.groupby("group")["group"].transform("size")
    return first_middle_last(measured[rank == (seeds - 1) // 2])


def first_middle_last(cells: pd.DataFrame) -> pd.DataFrame:
    """Of cells of several groups, those of the first, the middle and the last."""
    cells = cells.sort_values("group")
    return cells.iloc[sorted({0, len(cells) // 2, len(cells) - 1})] if len(cells) else cells


def best_and_worst(comparison: Comparison) -> list[dict[str, str]]:
    """The cells with the best and with the worst test accuracy of each group."""
    rows = []
    for group, cells in ranked(comparison).groupby("group"):
        ends = {"worst": cells.iloc[-1]} if len(cells) > 1 else {}
        for which, cell in ({"best": cells.iloc[0]} | ends).items():
            accuracy = metric("test/accuracy").text(cell["test/accuracy"])
            about = {"which": which, "name": cell["name"], "accuracy": accuracy, "run": cell["run_id"]}
            rows.append({"group": comparison.names[group], **about})
    return rows


def times(comparison: Comparison, sweep: Run | None) -> dict[str, str]:
    """Tell when the networks were trained, and how long it took."""
    cells = comparison.cells
    ended = cells["started"] + pd.to_timedelta(cells["seconds"], unit="s")
    facts = {
        "first network started": f"{cells['started'].min():%Y-%m-%d %H:%M:%S} UTC",
        "last network ended": f"{ended.max():%Y-%m-%d %H:%M:%S} UTC",
        "time per stack": f"{cells['seconds'].median():.1f} s (median)",
    }
    if sweep:
        trained = (cells["sweep"] == sweep.info.run_id).sum()
        facts |= {"trained by this sweep": f"{trained} of {len(cells)} networks"}
        if commit := sweep.data.tags.get("mlflow.source.git.commit"):
            facts["commit"] = commit
    return facts
