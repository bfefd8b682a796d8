"""The MLflow run of a cell, delivered piece by piece through any outage."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from numpy.typing import NDArray

from flows.store.artifacts import SNAPSHOTS, WEIGHTS
from flows.store.failures import STORE_ERRORS, refused
from flows.store.mlflow_internals import artifacts_at, picture_note
from flows.store.runs import DESCRIPTION, log_datasets, now
from mlp.measures.tiles import thumbnail
from mlp.nn.network import Parameters
from mlp.nn.weights import Snapshots, write_snapshots, write_weights

PICTURE = "weights.png"
MAX_METRICS = 1000  # of one log_batch
FINISHED_FIRST = "this cell was finished first by run"
MIN_PAUSE, MAX_PAUSE = 5.0, 60.0  # seconds between two deliveries


@dataclass
class CellRun:
    """The part of a cell that is still to be delivered to MLflow.

    Attributes
    ----------
    planned : int
        When its sweep found that the cell was missing, in milliseconds since 1970.
    run_id, artifact_uri : str or None
        None until the run exists in MLflow.
    points : list of (name, value, time in ms, step)
    parameters : Parameters
        The trained weights and biases; empty until they are known, and once they are delivered.
    snapshots : Snapshots
        Weights and biases of earlier epochs, delivered with the parameters.
    status : str or None
        Its end: FINISHED, FAILED or KILLED; None while it trains.
    """

    experiment_id: str
    name: str
    tags: dict[str, str]
    params: dict[str, str]
    dataset: dict[str, str]
    planned: int
    started: int = field(default_factory=now)
    run_id: str | None = None
    artifact_uri: str | None = None
    points: list[tuple[str, float, int, int]] = field(default_factory=list)
    parameters: Parameters = field(default_factory=list)
    snapshots: Snapshots = field(default_factory=dict)
    status: str | None = None
    message: str = ""
    ended: int | None = None

    def record(self, step: int, metrics: dict[str, float], moment: int | None = None) -> None:
        """Add the metrics of an epoch; values that are not finite are left out."""
        # The time is part of a point: if it is sent twice with the same time, it is stored once.
        moment = moment or now()
        self.points += [(name, float(value), moment, step) for name, value in metrics.items() if np.isfinite(value)]

    def end(self, status: str, message: str = "", moment: int | None = None) -> None:
        """Set how the cell ended, and when if not now; the message says why it did not finish."""
        self.status, self.message, self.ended = status, message, moment or now()

    def cancel_if_duplicate(self, finished: dict[str, list[str]]) -> None:
        """Give up this run if another one has finished the cell since it was planned; see `finished_since`."""
        first, *_ = finished.get(self.tags["cell"], [self.run_id])
        if self.status == "FINISHED" and first != self.run_id:
            self.status, self.message = "KILLED", f"{FINISHED_FIRST} {first}"

    def deliver(self, client: MlflowClient) -> None:
        """Send everything that is not delivered yet, the status last: a FINISHED run is complete.

        After a failure call it again: what was delivered is not sent twice.
        """
        if self.run_id is None:
            run = client.create_run(self.experiment_id, self.started, self.tags, self.name)
            self.run_id, self.artifact_uri = run.info.run_id, run.info.artifact_uri
        if self.dataset:
            log_datasets(client, self.run_id, [self.dataset])
            self.dataset = {}
        while self.params or self.points:
            params = [Param(name, value) for name, value in self.params.items()]
            points = [Metric(*point) for point in self.points[:MAX_METRICS]]
            client.log_batch(self.run_id, points, params, self.picture_tags() if self.parameters else [])
            self.params, self.points = {}, self.points[MAX_METRICS:]
        if self.parameters:
            assert self.artifact_uri is not None
            with TemporaryDirectory() as folder:
                write_weights(Path(folder, WEIGHTS), self.parameters)
                if self.snapshots:
                    write_snapshots(Path(folder, SNAPSHOTS), self.snapshots)
                Path(folder, PICTURE).write_bytes(thumbnail(self.parameters[0].weights))
                artifacts_at(client, self.artifact_uri).log_artifacts(folder)
            self.parameters, self.snapshots = [], {}
        if self.message:
            client.log_batch(self.run_id, tags=[RunTag("message", self.message)])
        if self.status:
            client.set_terminated(self.run_id, self.status, self.ended)

    def picture_tags(self) -> list[RunTag]:
        """The description, with the picture of the weights."""
        assert self.run_id is not None
        picture = picture_note("Weights of the first layer", self.run_id, PICTURE)
        return [RunTag(DESCRIPTION, f"{self.tags.get(DESCRIPTION, '')}\n\n{picture}")]


def pause_after(seconds: float) -> float:
    """The pause after a delivery that took so long: deliveries take at most a fortieth of the time, if possible."""
    return min(max(MIN_PAUSE, 40 * seconds), MAX_PAUSE)


class MetricBuffer:
    """Delivers the runs of a stack to MLflow, several seconds of curves at a time, so that training hardly waits.

    Parameters
    ----------
    delivery_lock : Lock
        Held by the stack of the sweep that delivers; see `flows.sweep.progress`.
    """

    def __init__(self, client: MlflowClient, runs: list[CellRun], delivery_lock: Lock) -> None:
        self.client, self.runs, self.delivery_lock = client, runs, delivery_lock
        self.next_delivery = 0.0

    def record(self, epoch: int, metrics: dict[str, NDArray], moment: int) -> None:
        """Add the metrics of an epoch, by name (cells,) arrays, which were measured at a moment in ms since 1970.

        What another stack holds up goes with the next ones.
        """
        for i, run in enumerate(self.runs):
            run.record(epoch, {name: values[i] for name, values in metrics.items()}, moment)
        if time.monotonic() >= self.next_delivery and self.delivery_lock.acquire(blocking=False):
            try:
                self.deliver()
            finally:
                self.delivery_lock.release()

    def deliver(self) -> None:
        """Deliver what can be delivered; during an outage it stays for the next time."""
        begun = time.monotonic()
        for run in self.runs:
            try:
                run.deliver(self.client)
            except STORE_ERRORS as error:
                if not refused(error):  # somebody has deleted the run, for example, which concerns no other
                    break
        ended = time.monotonic()
        self.next_delivery = ended + pause_after(ended - begun)
