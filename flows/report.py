"""What a sweep came to, told wherever someone may look: on MLflow's pages, on Prefect's, on a page of its own."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext
from rich.console import Console

from flows import tables, views, words
from flows.compare import Comparison, compare
from flows.experiment import Cell, Experiment
from flows.groups import log_groups
from flows.page import compare_all, first_group, write_page
from flows.registry import register
from flows.results import CURVES, find, load_cells, read_curves, select
from flows.tracking import dataset_fields, log_datasets
from flows.training import clean_data
from mlp import figures

PICTURE = "story.png"  # artifact of a sweep
LOCAL_SERVER = "http://127.0.0.1:5000/"  # of `mlp ui`


def summarise(
    client: MlflowClient, experiment_id: str, sweep_id: str, experiment: Experiment, cells: dict[str, Cell]
) -> None:
    """Compare the cells of a sweep across seeds, and tell of it everywhere.

    With the sweep's parent run: the answer as its description, the report, the picture, the table, the comparison, its
    data sets, and the group runs. With the experiment: its description, its chart page, its champion in the registry.
    """
    selection = select(client, [sweep_id], everything=False)
    if selection.cells.empty:
        return
    comparison = compare_all(selection.cells)
    points = read_curves(client, list(selection.cells["run_id"]), CURVES)
    curves = comparison.curves(points)
    answer = " ".join(words.answer(comparison))
    client.log_dict(sweep_id, {"groups": comparison.groups}, "comparison.json")
    client.log_text(sweep_id, selection.cells.to_csv(index=False), "cells.csv")
    client.log_text(sweep_id, write_page(client, selection, comparison, curves), views.REPORT)
    if {"train/cost", "test/accuracy"} <= set(curves):
        client.log_figure(sweep_id, picture(comparison, points), PICTURE)
    examples = {cell.rows: cell for cell in cells.values()}
    log_datasets(client, sweep_id, [dataset_fields(clean_data(cell)) for cell in examples.values()])
    link = views.report_link(experiment_id, sweep_id)
    client.set_tag(sweep_id, "mlflow.note.content", f"{answer} [The report]({link})\n\n{experiment.description}")
    log_groups(client, experiment_id, sweep_id, comparison, curves)
    views.lay_out(client, experiment_id, sweep_id, comparison, list(curves))
    views.describe(client, experiment_id, sweep_id, experiment.description)
    tell_prefect(experiment.name, answer, comparison)
    register_best(client, sweep_id, experiment.name, selection.cells, cells)


def picture(comparison: Comparison, points: pd.DataFrame) -> Figure:
    """Curves and final figures of every group, at one glance."""
    of_seeds = comparison.curves_of_seeds(points[points["metric"].isin(["train/cost", "test/accuracy"])])

    def of_groups(metric: str) -> dict[str, np.ndarray]:
        by_group = np.moveaxis(of_seeds[metric], 1, 0)
        measured = [values[np.isfinite(values).any(axis=1)] for values in by_group]
        return {name: values for name, values in zip(comparison.names, measured, strict=True) if len(values)}

    def finals(metric: str) -> np.ndarray:
        found = [group.get(metric, {}) for group in comparison.groups]
        return np.array([[of_group.get("mean"), of_group.get("std")] for of_group in found], dtype=float)

    measures = {title: finals(metric) for metric, title in tables.HEADLINES.items() if metric in comparison.metrics}
    below = ", ".join(comparison.telling)
    return figures.story(of_groups("train/cost"), of_groups("test/accuracy"), comparison.names, measures, below)


def tell_prefect(name: str, answer: str, comparison: Comparison) -> None:
    """Show the answer and the tables with the flow run, if there is one."""
    if FlowRunContext.get():
        key = f"comparison-{name}".lower().replace("_", "-")
        parts = [answer, tables.as_markdown(comparison, []), tables.as_markdown(comparison, ["test/accuracy"])]
        create_markdown_artifact("\n\n".join(parts), key=key, description=f"{name}, compared across seeds")


def register_best(client: MlflowClient, sweep_id: str, name: str, frame: pd.DataFrame, cells: dict[str, Cell]) -> None:
    """Register the cell with the best test accuracy, if one was measured."""
    if "test/accuracy" in frame and frame["test/accuracy"].notna().any():
        best = frame.loc[frame["test/accuracy"].idxmax()]
        register(client, sweep_id, name, best, cells[best["cell"]])


def announce(client: MlflowClient, name: str, keys: Sequence[str], sweep_id: str | None, console: Console) -> None:
    """Print what a sweep came to, and what to type next.

    Parameters
    ----------
    sweep_id : str or None
        The sweep, if it has written a report.
    """
    experiment_id, _ = find(client, name)
    cells = load_cells(client, experiment_id, keys)
    server = f"{client.tracking_uri.rstrip('/')}/" if client.tracking_uri.startswith("http") else ""
    lines = {"Browse": views.link(experiment_id, server or LOCAL_SERVER) + ("" if server else "  while `mlp ui` runs")}
    if len(cells):
        comparison = compare(cells)
        console.print(tables.overview(comparison, f"{name}, {len(cells)} cells"))
        lines["Compare"] = f"mlp compare {name} --baseline {first_group(comparison)}"
        if sweep_id:
            folder = client.get_run(sweep_id).info.artifact_uri
            link = views.report_link(experiment_id, sweep_id, server)
            lines["Report"] = link if server else f"{folder}/{views.REPORT}"
    for title, line in lines.items():
        console.print(f"{title + ':':9}{line}", highlight=False, soft_wrap=True)
