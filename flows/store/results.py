"""Cells and their curves as tables."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from flows.errors import ConfigurationError
from flows.plan.cell import PARAMS, RUN_COLUMNS
from flows.platform.paths import tracking_uri
from flows.store.artifacts import read_cells
from flows.store.connection import open_store
from flows.store.experiments import find_experiment
from flows.store.failures import if_there
from flows.store.runs import FinishedCell, curve_points, finished_cell_runs
from flows.store.sweeps import latest_sweep, named_sweeps
from mlp.measures.metrics import curve_metrics

MAX_NAMES = 20  # of experiments in a message: those of so many latest sweeps
# MLflow stores an infinity as the largest number.
INFINITIES = {sys.float_info.max: float("inf"), -sys.float_info.max: float("-inf")}


@dataclass(frozen=True)
class Selection:
    """The cells to be compared.

    Attributes
    ----------
    title : str
    cells : DataFrame
        See `load_runs`.
    notes : list of str
        Warnings about them: that cells are missing, for instance.
    sweep : Run or None
        The parent run, if they are the cells of one sweep.
    """

    title: str
    cells: pd.DataFrame
    notes: list[str]
    sweep: Run | None


def load_runs(*sources: str, everything: bool = False, tracking_server: str | None = None) -> pd.DataFrame:
    """The finished cells of a sweep, one row each: what `mlp compare` compares.

    Parameters
    ----------
    *sources : str
        Names of experiments, or run ids of sweeps; by default the latest sweep that has finished cells.
    everything : bool
        All finished cells of the experiments, not only those of their latest sweep.
    tracking_server : str, optional
        MLflow's tracking URI; MLFLOW_TRACKING_URI or the folder `mlruns` by default.

    Returns
    -------
    DataFrame
        ``experiment``, ``sweep``, ``cell``, ``run_id``, ``name`` : str
            The sweep is the run id of the sweep that trained the cell; the cell is its key.
        ``started`` : datetime, UTC; ``seconds`` : float
            Start and duration of its run; the cells of a stack start and end together.
        ``test_images`` : str
            Number of images that its test accuracy was counted on; None for runs that did not note it.
        ``seed`` : int; ``fraction``, ``learning_rate``, … : one column per param
            Numbers if all values are numbers, otherwise str, such as ``hidden`` ("16-16").
        ``test/accuracy``, … : float, one column per metric
            The last value. `mlp.measures.metrics` says what each metric is; shares are stored from 0 to 1. NaN where a
            metric is not defined, such as the accuracy on wrong labels where there are none.

    Raises
    ------
    ConfigurationError
        If there is no such experiment or sweep.

    Examples
    --------
    After ``mlp run demo``:

    >>> from flows import load_runs
    >>> runs = load_runs("demo")
    >>> runs.groupby("fraction")["seed"].count().to_dict()
    {0.0: 3, 0.5: 3, 1.0: 3}
    """
    return select(open_store(tracking_uri(tracking_server)), sources, everything).cells


def load_curves(
    runs: pd.DataFrame | str, metrics: Sequence[str] | None = None, tracking_server: str | None = None
) -> pd.DataFrame:
    """Curves of cells, one row for each cell, metric and step.

    Parameters
    ----------
    runs : DataFrame or str
        Result of `load_runs`, or the name of an experiment.
    metrics : sequence of str, optional
        All that are measured by epoch by default.

    Returns
    -------
    DataFrame
        ``run_id``, ``metric`` : str; ``step`` : int, the epoch, 0 before training; ``value`` : float. Params come by
        ``curves.merge(runs[["run_id", "seed", "fraction"]], on="run_id")``.

    Examples
    --------
    After ``mlp run demo``:

    >>> from flows import load_curves
    >>> curves = load_curves("demo", ["test/accuracy"])
    >>> curves.columns.tolist()
    ['run_id', 'metric', 'step', 'value']
    """
    client = open_store(tracking_uri(tracking_server))
    cells = select(client, [runs], everything=False).cells if isinstance(runs, str) else runs
    return read_curves(client, list(cells["run_id"]), metrics)


def select(client: MlflowClient, sources: Iterable[str], everything: bool) -> Selection:
    """Find the cells of experiments and sweeps; see `load_runs`.

    Raises
    ------
    ConfigurationError
        If there is no such experiment or sweep, or an experiment has no sweep yet.
    """
    parts, notes, sweeps = [], [], []
    for source in dict.fromkeys(sources) or [None]:
        experiment_id, sweep, unfinished = find(client, source)
        if everything:
            parts.append(load_cells(client, experiment_id))
            continue
        if sweep is None:
            raise ConfigurationError(f"experiment: {source} given, which has no sweep yet; run one with `mlp run`")
        sweeps.append(sweep)
        keys = list(read_cells(client, sweep))
        parts.append(load_cells(client, experiment_id, keys))
        notes += unfinished
        if missing := len(keys) - len(parts[-1]):
            notes.append(f"{missing} of the {len(keys)} cells of {sweep.info.run_name} have not finished")
    filled = [part for part in parts if len(part)] or parts[:1]
    cells = pd.concat(filled, ignore_index=True).drop_duplicates("run_id", ignore_index=True)
    title = ", ".join(cells["experiment"].unique())
    return Selection(title, cells, notes, sweeps[0] if len(sweeps) == 1 else None)


def find(client: MlflowClient, source: str | None) -> tuple[str, Run | None, list[str]]:
    """Find an experiment by its name, or a sweep by its run id; without either, the latest sweep of the store.

    Returns
    -------
    experiment_id : str
    sweep : Run or None
        The latest of an experiment, see `latest_sweep`.
    notes : list of str
        On later sweeps that have no finished cell.

    Raises
    ------
    ConfigurationError
        If there is no such experiment or sweep.
    """
    experiment = find_experiment(client, source) if source else None
    if experiment and experiment.lifecycle_stage == "active":
        return experiment.experiment_id, *latest_sweep(client, experiment.experiment_id)
    sweep, notes = (if_there(lambda: client.get_run(source)), []) if source else latest_sweep(client)
    if sweep is None or sweep.data.tags.get("kind") != "sweep":
        names = ", ".join(sorted({name for name, _ in islice(named_sweeps(client), MAX_NAMES)}))
        given = f"{source!r} given" if source else "no sweep has run yet"
        raise ConfigurationError(
            f"experiment: {given}; allowed: {names or 'one that `mlp run` has made'}, or the run id of a sweep"
        )
    return sweep.info.experiment_id, sweep, notes


def load_cells(client: MlflowClient, experiment_id: str, keys: Sequence[str] | None = None) -> pd.DataFrame:
    """Finished cells of an experiment, for each key the latest run; with `keys`, those cells in that order."""
    name = client.get_experiment(experiment_id).name
    rows = {run.tags["cell"]: as_row(run, name) for run in finished_cell_runs(client, experiment_id)}
    wanted = rows if keys is None else [key for key in keys if key in rows]
    frame = pd.DataFrame([rows[key] for key in wanted], columns=None if wanted else [*RUN_COLUMNS, *PARAMS])
    frame = frame.replace(INFINITIES)
    return frame.assign(
        started=pd.to_datetime(frame["started"], unit="ms", utc=True),
        **{param: numbers(frame[param]) for param in PARAMS},
    )


def as_row(run: FinishedCell, experiment: str) -> dict[str, Any]:
    # A run that is older than a param was trained with its default; a run of another program has no sweep.
    defaults = PARAMS if "sweep" in run.tags else dict.fromkeys(PARAMS)
    about = {
        "experiment": experiment,
        "sweep": run.tags.get("sweep"),
        "cell": run.tags["cell"],
        "run_id": run.run_id,
        "name": run.name,
        "started": run.started,
        "seconds": (run.ended - run.started) / 1000,
        "test_images": run.tags.get("test_images"),
        **(defaults | {name: value for name, value in run.params.items() if name in PARAMS}),
    }
    return about | {name: value for name, value in run.metrics.items() if name not in about}


def numbers(texts: pd.Series) -> pd.Series:
    """A column of texts as numbers, if all of them are."""
    try:
        return pd.to_numeric(texts)
    except ValueError:
        return texts


def read_curves(client: MlflowClient, run_ids: Sequence[str], metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """See `load_curves`."""
    wanted = [row.name for row in curve_metrics()] if metrics is None else metrics
    columns = ["run_id", "metric", "step", "value"]
    frame = pd.DataFrame(curve_points(client, run_ids, wanted), columns=[*columns, "time"])[columns]
    frame = frame.assign(value=frame["value"].replace(INFINITIES))
    return frame.drop_duplicates(["run_id", "metric", "step"], keep="last", ignore_index=True)
