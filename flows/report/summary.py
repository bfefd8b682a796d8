"""The result of a sweep, put wherever a user may look: on MLflow's pages and on Prefect's."""

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Run
from numpy.typing import NDArray

from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.preparation import clean_data, dataset_fields, keyed_cells
from flows.report import charts, tables
from flows.report.answer import answer
from flows.report.compare import Comparison, compare_all
from flows.report.explore.writing import write_page
from flows.report.groups import lay_out, log_groups, log_headlines
from flows.report.page import write_report
from flows.report.prefect_pages import show_result
from flows.report.registry import register
from flows.store.artifacts import read_experiment
from flows.store.mlflow_internals import picture_note
from flows.store.results import load_cells, read_curves, select
from flows.store.runs import log_datasets
from flows.store.sweeps import latest_sweep
from mlp import figures
from mlp.data.sets import DataUnavailable
from mlp.measures.metrics import headlines

LOGGER = logging.getLogger(__name__)
STORY = "story.png"  # artifact of a sweep


def summarize_sweep(
    client: MlflowClient, experiment_id: str, sweep_id: str, experiment: Experiment, cells: dict[str, Cell]
) -> None:
    """Compare the cells of a sweep across seeds, and log the result.

    The parent run of the sweep gets the answer as its description, the page to draw in, the report, the picture, the
    table, the comparison, its data sets and the group runs; the experiment gets its description, its chart page and its
    champion.
    """
    selection = select(client, [sweep_id], everything=False)
    if selection.cells.empty:
        return
    comparison = compare_all(selection.cells)
    points = read_curves(client, list(selection.cells["run_id"]))
    curves = comparison.curves(points)
    sentences = answer(comparison)
    client.log_dict(sweep_id, {"groups": tables.records(comparison)}, "comparison.json")
    client.log_text(sweep_id, selection.cells.to_csv(index=False), "cells.csv")
    explored = False
    try:
        client.log_text(sweep_id, write_page(client, selection, comparison, points), charts.EXPLORE)
        explored = True
    except ConfigurationError as error:  # it needs the weights and the test images
        LOGGER.warning("No page to draw in: %s", error)
    report = write_report(client, selection, comparison, points, explored=explored)
    client.log_text(sweep_id, report, charts.REPORT)
    picture = ""
    if {"train/cost", "test/accuracy"} <= set(curves):
        client.log_figure(sweep_id, story(comparison, points), STORY)
        picture = f"\n\n{picture_note('Curves and final figures', sweep_id, STORY)}"
    shown = {cell.data_source[:2]: cell for cell in cells.values()}  # before inputs are corrupted
    log_datasets(client, sweep_id, [dataset_fields(clean_data(cell)) for cell in shown.values()])
    log_headlines(client, sweep_id, comparison)
    link = charts.artifact_link(experiment_id, sweep_id, charts.REPORT)
    note = f"{' '.join(sentences)} [The report]({link})\n\n{experiment.description}{picture}"
    client.set_tag(sweep_id, "mlflow.note.content", note)
    log_groups(client, experiment_id, sweep_id, comparison, curves)
    lay_out(client, experiment_id, sweep_id, comparison, list(curves))
    charts.describe(client, experiment_id, sweep_id, experiment.description)
    both = tables.as_markdown(comparison, []), tables.as_markdown(comparison, ["test/accuracy"])
    server = charts.server_of(client)
    links = {
        "charts": charts.link(experiment_id, server),
        "report": charts.artifact_link(experiment_id, sweep_id, charts.REPORT, server),
    }
    show_result(experiment.name, " ".join(sentences), "\n\n".join(both), links)
    register_best(client, experiment_id, sweep_id, experiment.name, cells)


def story(comparison: Comparison, points: pd.DataFrame) -> Figure:
    """Curves and final metrics of every group in one picture."""
    of_seeds = comparison.curves_of_seeds(points[points["metric"].isin(["train/cost", "test/accuracy"])])

    def of_groups(name: str) -> dict[str, NDArray]:
        by_group = np.moveaxis(of_seeds[name], 1, 0)
        measured = [values[np.isfinite(values).any(axis=1)] for values in by_group]
        return {group: values for group, values in zip(comparison.names, measured, strict=True) if len(values)}

    finals = {row.headline: comparison.of(row.name) for row in headlines() if row.name in comparison.metrics}
    measures = {heading: np.column_stack([of.mean, of.std]) for heading, of in finals.items()}
    below = ", ".join(comparison.varying)
    return figures.overview(of_groups("train/cost"), of_groups("test/accuracy"), comparison.names, measures, below)


def register_best(
    client: MlflowClient, experiment_id: str, sweep_id: str, name: str, cells: Mapping[str, Cell]
) -> bool:
    """Register the cell with the best test accuracy, if it was measured; False if none of the cells has finished."""
    frame = load_cells(client, experiment_id, list(cells))
    if "test/accuracy" in frame and frame["test/accuracy"].notna().any():
        best = frame.loc[frame["test/accuracy"].idxmax()]
        register(client, sweep_id, name, best, cells[best["cell"]])
    return not frame.empty


def lay_out_latest(client: MlflowClient, experiment_id: str, sweep_id: str) -> None:
    """Lay out the chart page of an experiment for a sweep, if that is the experiment's latest."""
    latest, _ = latest_sweep(client, experiment_id)
    if latest is None or latest.info.run_id != sweep_id:
        return
    cells = select(client, [sweep_id], everything=False).cells
    if len(cells):
        curves = read_curves(client, list(cells["run_id"]))
        lay_out(client, experiment_id, sweep_id, compare_all(cells), list(curves["metric"].unique()))
        description = read_experiment(client, latest).description
        charts.describe(client, experiment_id, sweep_id, description)


def register_champion(client: MlflowClient, sweep: Run, name: str) -> str:
    """Register the best cell of a sweep under the name of its experiment; why that can't be done, empty if it was.

    The model is made of the weights and this program's code: an export contains none.
    """
    try:
        cells = keyed_cells(read_experiment(client, sweep))
        if not register_best(client, sweep.info.experiment_id, sweep.info.run_id, name, cells):
            return "this version computes other keys for its cells, and would train them again"
    except (ValueError, DataUnavailable) as error:
        return str(error)
    return ""
