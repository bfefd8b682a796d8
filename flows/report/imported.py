"""The things that an imported sweep needs besides its runs: the chart page of its experiment, and its champion."""

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.plan.preparation import keyed_cells
from flows.report import charts
from flows.report.compare import compare_all
from flows.report.groups import lay_out
from flows.report.summary import register_best
from flows.store.artifacts import read_experiment
from flows.store.results import load_cells, read_curves, select
from flows.store.sweeps import latest_sweep
from mlp.data.sets import DataUnavailable


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
        frame = load_cells(client, sweep.info.experiment_id, list(cells))
        if frame.empty:
            return "this version computes other keys for its cells, and would train them again"
        register_best(client, sweep.info.run_id, name, frame, cells)
    except (ValueError, DataUnavailable) as error:
        return str(error)
    return ""
