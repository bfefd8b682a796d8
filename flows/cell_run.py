"""A cell's MLflow run, brought there piece by piece, whatever outages come between."""

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from numpy.typing import NDArray

from flows.tracking import STORE_ERRORS, log_datasets, search
from mlp.network import Parameters

MOST_METRICS = 1000  # of one log_batch
LONGEST_PAUSE = 60.0  # seconds between two deliveries


@dataclass
class CellRun:
    """What MLflow is to hold of one cell and has not got yet.

    Attributes
    ----------
    planned : int
        When its sweep saw that the cell was missing, in milliseconds since 1970.
    run_id, artifact_uri : str or None
        None until MLflow knows of the run.
    points : list of (name, value, time in ms, step)
    weights : dict of arrays
        ``W0``, ``b0``, ``W1`` …
    status : str or None
        How it ended: FINISHED, FAILED or KILLED; None while it trains.
    """

    experiment_id: str
    name: str
    tags: dict[str, str]
    params: dict[str, str]
    dataset: dict[str, str]
    planned: int
    started: int = field(default_factory=lambda: now())
    run_id: str | None = None
    artifact_uri: str | None = None
    points: list[tuple[str, float, int, int]] = field(default_factory=list)
    weights: dict[str, NDArray] = field(default_factory=dict)
    status: str | None = None
    message: str = ""
    ended: int | None = None

    def record(self, step: int, metrics: dict[str, float], moment: int | None = None) -> None:
        """Take the metrics of an epoch; a value that is not finite is no point of a curve."""
        # The time is part of a point: one that is sent again with the same time is stored once.
        moment = moment or now()
        self.points += [(name, float(value), moment, step) for name, value in metrics.items() if np.isfinite(value)]

    def keep_weights(self, parameters: Parameters) -> None:
        """Take the trained weights."""
        for i, layer in enumerate(parameters):
            self.weights |= {f"W{i}": layer.weights, f"b{i}": layer.biases}

    def end(self, status: str, message: str = "") -> None:
        """Note how the cell ended; the message says why it did not finish."""
        self.status, self.message, self.ended = status, message, now()

    def give_way(self, finished: dict[str, str]) -> None:
        """Leave the cell to a run that finished it since it was planned here; see `finished_since`."""
        if self.status == "FINISHED" and (other := finished.get(self.tags["cell"])):
            self.status, self.message = "KILLED", f"another sweep finished this cell first: run {other}"

    def deliver(self, client: MlflowClient) -> None:
        """Send what MLflow has not got yet, the end last: a run that is FINISHED is whole.

        If it fails, call it again later: what was sent is not sent twice.
        """
        if self.run_id is None:
            tags = self.tags | {"planned": str(self.planned)}
            run = client.create_run(self.experiment_id, self.started, tags, self.name)
            self.run_id, self.artifact_uri = run.info.run_id, run.info.artifact_uri
        if self.dataset:
            log_datasets(client, self.run_id, [self.dataset])
            self.dataset = {}
        while self.params or self.points:
            params = [Param(name, value) for name, value in self.params.items()]
            client.log_batch(self.run_id, [Metric(*point) for point in self.points[:MOST_METRICS]], params)
            self.params, self.points = {}, self.points[MOST_METRICS:]
        if self.weights:
            assert self.artifact_uri is not None
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "weights.npz")
                np.savez(path, allow_pickle=False, **self.weights)
                # As MLflow's client does it, without asking for the run first.
                get_artifact_repository(self.artifact_uri, client.tracking_uri).log_artifact(str(path))
            self.weights = {}
        if self.message:
            client.log_batch(self.run_id, tags=[RunTag("message", self.message)])
        if self.status:
            client.set_terminated(self.run_id, self.status, self.ended)


def finished_since(client: MlflowClient, experiment_id: str, planned: int) -> dict[str, str]:
    """Run ids by cell key of the cells that others have finished since a sweep saw them missing."""
    condition = "tags.kind = 'cell' and attributes.status = 'FINISHED'"
    condition += f" and attributes.end_time >= {planned} and tags.planned != '{planned}'"
    return {run.data.tags["cell"]: run.info.run_id for run in search(client, experiment_id, condition)}


class Courier:
    """Brings the runs of a stack to MLflow, some seconds of curves at a time so that training hardly waits.

    Parameters
    ----------
    seconds : float
        Time between two deliveries; longer where a delivery is slow, so that it takes a thirtieth at the most.
    """

    def __init__(self, client: MlflowClient, runs: list[CellRun], seconds: float = 5.0) -> None:
        self.client, self.runs, self.seconds = client, runs, seconds
        self.next_delivery = 0.0

    def record(self, epoch: int, metrics: dict[str, NDArray]) -> None:
        """Take the metrics (cells,) of an epoch."""
        moment = now()
        for i, run in enumerate(self.runs):
            run.record(epoch, {name: values[i] for name, values in metrics.items()}, moment)
        if time.monotonic() >= self.next_delivery:
            self.deliver()

    def deliver(self) -> None:
        """Send what waits. In an outage it waits on."""
        begun = time.monotonic()
        with suppress(*STORE_ERRORS):
            for run in self.runs:
                run.deliver(self.client)
        ended = time.monotonic()
        self.next_delivery = ended + min(max(self.seconds, 30 * (ended - begun)), LONGEST_PAUSE)


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)
