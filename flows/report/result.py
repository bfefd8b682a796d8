"""The result of a sweep at the prompt. It imports neither the report nor the pictures, which take seconds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from rich.console import Console

from flows.plan.experiment import Experiment
from flows.plan.preparation import clean_data
from flows.report import charts, tables
from flows.report.compare import compare, first_group
from flows.store.artifacts import read_cells
from flows.store.results import find, load_cells

MAX_NOISE = 0.9  # the fraction of corrupted labels from which a network is not expected to learn


def print_result(
    client: MlflowClient, experiment: Experiment, keys: Sequence[str], sweep_id: str | None, console: Console
) -> None:
    """Print the comparison of a sweep, what to open and to type next, and a warning if cells did not learn.

    Parameters
    ----------
    sweep_id : str or None
        The sweep, if it has written a report; None if there was nothing to train.
    """
    name = experiment.name
    experiment_id, latest, _ = find(client, name)
    if not sweep_id and latest and latest.info.status == "FINISHED":
        sweep_id = latest.info.run_id if set(read_cells(client, latest)) == set(keys) else None
    cells = load_cells(client, experiment_id, keys)
    if len(cells):
        comparison = compare(cells)
        console.print(tables.overview(comparison, f"{name}, {len(cells)} cell{'s' * (len(cells) > 1)}"))
    charts.print_charts(client, experiment_id, console)
    if len(cells) and sweep_id:
        report = f"{client.get_run(sweep_id).info.artifact_uri}/{charts.REPORT}"
        if (server := charts.server_of(client)) != charts.LOCAL_SERVER:
            report = charts.artifact_link(experiment_id, sweep_id, charts.REPORT, server)
        charts.print_link("Report", report, console)
    if len(cells):
        charts.print_link(
            "Compare", f"mlp compare {name} --baseline {first_group(comparison.groups, comparison.by)}", console
        )
    if stuck := at_chance(experiment, cells):
        what = f"{stuck} of {len(cells)} cells did not learn: one answer to all training images is as often right"
        console.print(f"[yellow]warning:[/] {what}. Change descent.learning_rate, or train longer.", soft_wrap=True)


def at_chance(experiment: Experiment, cells: pd.DataFrame) -> int:
    """Count the cells that are right on no more training images than one answer to all of them would be.

    Cells whose labels are nearly all corrupted do not count: there is nothing for them to find.
    """
    if "train/accuracy" not in cells:
        return 0
    labels = clean_data(experiment.cells()[0]).train_labels
    at_chance = cells["train/accuracy"] <= np.bincount(labels).max() / len(labels)
    return int((at_chance & (cells["fraction"] < MAX_NOISE)).sum())
