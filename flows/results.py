"""All that is asked of MLflow: cells and their curves as tables."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from flows.errors import ConfigurationError
from flows.experiment import Experiment
from flows.reading import CellRun, finished_cell_runs, points
from flows.tracking import open_store, tracking_uri

PARAMS = tuple(Experiment(name="any").cells()[0].params())
# Of every table of cells, before the params and the metrics.
RUN_COLUMNS = ("experiment", "sweep", "cell", "run_id", "name", "started", "seconds")
# MLflow stores an infinity as the largest number that there is.
INFINITIES = {sys.float_info.max: float("inf"), -sys.float_info.max: float("-inf")}
CURVES = (
    "train/cost",
    "test/cost",
    "train/accuracy",
    "test/accuracy",
    "train/accuracy_clean",
    "train/accuracy_memorized",
    "train/accuracy_resisted",
)


@dataclass(frozen=True)
class Selection:
    """Cells that someone wants to see.

    Attributes
    ----------
    title : str
    cells : DataFrame
        See `load_runs`.
    notes : list of str
        What a reader must know of the choice: cells that are missing, for instance.
    sweep : Run or None
        The parent run, if they are those of one sweep.
    """

    title: str
    cells: pd.DataFrame
    notes: list[str]
    sweep: Run | None


def load_runs(*sources: str, everything: bool = False, tracking_server: str | None = None) -> pd.DataFrame:
    """The finished cells of a sweep, a row each: what `mlp compare` compares.

    Parameters
    ----------
    *sources : str
        Names of experiments, or run ids of sweeps; by default the experiment that ran last.
    everything : bool
        All finished cells of the experiments, not only those that their latest sweep asked for.
    tracking_server : str, optional
        MLflow's tracking URI; MLFLOW_TRACKING_URI or the folder `mlruns` by default.

    Returns
    -------
    DataFrame
        ``experiment``, ``sweep``, ``cell``, ``run_id``, ``name`` : str
            The sweep is the run id of the one that trained the cell, the cell its key.
        ``started`` : datetime, UTC; ``seconds`` : float
            Of its run; cells that train as one stack start and end together.
        ``seed`` : int; ``fraction``, ``learning_rate``, … : a column a param
            Numbers where every value is one, else str, such as ``hidden`` ("16-16").
        ``test/accuracy``, … : float, a column a metric
            Its last value. Accuracies and confidences are shares from 0 to 1, a cost is the mean over examples, and
            ``epochs_to_0.9`` counts epochs. NaN where it was not measured, as the accuracy on spoiled labels where
            there are none.

    Raises
    ------
    ConfigurationError
        If there is no such experiment or sweep.
    """
    return select(open_store(tracking_uri(tracking_server)), sources, everything).cells


def load_curves(
    runs: pd.DataFrame | str, metrics: Sequence[str] = CURVES, tracking_server: str | None = None
) -> pd.DataFrame:
    """Curves of cells, a row a cell, metric and step.

    Parameters
    ----------
    runs : DataFrame or str
        Of `load_runs`, or the name of an experiment.
    metrics : sequence of str

    Returns
    -------
    DataFrame
        ``run_id``, ``metric`` : str; ``step`` : int, the epoch, 0 before training; ``value`` : float. Params come by
        ``curves.merge(runs[["run_id", "seed", "fraction"]], on="run_id")``.
    """
    client = open_store(tracking_uri(tracking_server))
    cells = select(client, [runs], False).cells if isinstance(runs, str) else runs
    return read_curves(client, list(cells["run_id"]), metrics)


def select(client: MlflowClient, sources: Iterable[str], everything: bool) -> Selection:
    """Find the cells that experiments and sweeps stand for; see `load_runs`."""
    parts, notes, sweeps = [], [], []
    for source in dict.fromkeys(sources) or [None]:
        experiment_id, sweep = find(client, source)
        if everything:
            parts.append(load_cells(client, experiment_id))
            continue
        if sweep is None:
            raise ConfigurationError(f"experiment: {source} given, where no sweep has run; run one with `mlp run`")
        sweeps.append(sweep)
        keys = list(read_artifact(client, sweep, "cells.json"))
        parts.append(load_cells(client, experiment_id, keys))
        if missing := len(keys) - len(parts[-1]):
            notes.append(f"{missing} of the {len(keys)} cells of {sweep.info.run_name} have not finished")
    filled = [part for part in parts if len(part)] or parts[:1]
    cells = pd.concat(filled, ignore_index=True).drop_duplicates("run_id", ignore_index=True)
    title = ", ".join(cells["experiment"].unique())
    return Selection(title, cells, notes, sweeps[0] if len(sweeps) == 1 else None)


def find(client: MlflowClient, source: str | None) -> tuple[str, Run | None]:
    """An experiment by its name, with its latest sweep; a sweep by its run id; without either the store's latest."""
    experiments = {experiment.name: experiment.experiment_id for experiment in client.search_experiments()}
    if source in experiments:
        return experiments[source], latest_sweep(client, experiments[source])
    try:
        sweep = client.get_run(source) if source else latest_sweep(client)
    except MlflowException:
        sweep = None
    if sweep is None or sweep.data.tags.get("kind") != "sweep":
        known = ", ".join(sorted(name for name in experiments if name != "Default"))
        given = f"{source!r} given" if source else "no sweep has run yet"
        raise ConfigurationError(
            f"experiment: {given}; allowed: {known or 'one that `mlp run` has made'}, or the run id of a sweep"
        )
    return sweep.info.experiment_id, sweep


def latest_sweep(client: MlflowClient, experiment_id: str | None = None) -> Run | None:
    """The parent run of the sweep that was started last, in one experiment or in the store."""
    ids = [experiment_id] if experiment_id else [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(ids, "tags.kind = 'sweep'", order_by=["attributes.start_time DESC"], max_results=1)
    return runs[0] if runs else None


def read_artifact(client: MlflowClient, sweep: Run, name: str) -> dict:
    """What a sweep has written down: ``cells.json``, the cells that it asked for by key, or ``experiment.yaml``."""
    try:
        with open(client.download_artifacts(sweep.info.run_id, name), encoding="utf-8") as file:
            # JSON is YAML too, but slow to read as such.
            return json.load(file) if name.endswith(".json") else yaml.safe_load(file)
    except (MlflowException, OSError):
        raise ConfigurationError(
            f"sweep: {sweep.info.run_id} given, which has no {name}; allowed: one that `mlp run` made, or --all"
        ) from None


def load_cells(client: MlflowClient, experiment_id: str, keys: Sequence[str] | None = None) -> pd.DataFrame:
    """Finished cells of an experiment, of runs with one key the latest; with `keys`, those cells in that order."""
    name = client.get_experiment(experiment_id).name
    # Others may write to the store too: what has no key is no cell, whatever it is tagged.
    runs = [run for run in finished_cell_runs(client, experiment_id) if "cell" in run.tags]
    rows = {run.tags["cell"]: row(run, name) for run in runs}
    wanted = rows if keys is None else [key for key in keys if key in rows]
    frame = pd.DataFrame([rows[key] for key in wanted], columns=None if wanted else [*RUN_COLUMNS, *PARAMS])
    frame = frame.replace(INFINITIES)
    return frame.assign(
        started=pd.to_datetime(frame["started"], unit="ms", utc=True),
        **{param: numbers(frame[param]) for param in PARAMS},
    )


def row(run: CellRun, experiment: str) -> dict:
    about = {
        "experiment": experiment,
        "sweep": run.tags.get("sweep"),
        "cell": run.tags["cell"],
        "run_id": run.run_id,
        "name": run.name,
        "started": run.started,
        "seconds": (run.ended - run.started) / 1000,
        **{param: run.params.get(param) for param in PARAMS},
    }
    return about | {name: value for name, value in run.metrics.items() if name not in about}


def numbers(texts: pd.Series) -> pd.Series:
    """A column of texts as numbers, if all are."""
    try:
        return pd.to_numeric(texts)
    except ValueError:
        return texts


def metrics_of(cells: pd.DataFrame) -> list[str]:
    """The metrics among the columns of `load_cells`."""
    return [name for name in cells if name not in RUN_COLUMNS and name not in PARAMS]


def check_metrics(cells: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """The metrics, if some cell has measured each."""
    known = metrics_of(cells)
    for metric in metrics:
        if metric not in known:
            raise ConfigurationError(f"--metric: {metric!r} given; allowed: {', '.join(known)}")
    return list(metrics)


def read_curves(client: MlflowClient, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """See `load_curves`."""
    frame = pd.DataFrame(points(client, run_ids, metrics), columns=["run_id", "metric", "step", "value"])
    frame["value"] = frame["value"].replace(INFINITIES)
    return frame.drop_duplicates(["run_id", "metric", "step"], keep="last", ignore_index=True)
