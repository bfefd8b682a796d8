"""Many networks trained as one: the engine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlp.data.sets import Dataset
from mlp.engine.blocks import by_block
from mlp.engine.checkpoint import Arrays, restore, states_of, with_prefix, without_prefix
from mlp.engine.layers import Layers
from mlp.engine.pixels import Images, layout_of
from mlp.measures.metrics import Evaluation, curve_metrics, measured
from mlp.nn.costs import COSTS
from mlp.nn.descent import MINI_BATCHES, CellJob
from mlp.nn.network import Network, Parameters
from mlp.nn.weights import (
    Snapshots,
    from_arrays,
    from_snapshot_arrays,
    kept_epochs,
    snapshot,
    snapshot_arrays,
    to_arrays,
)

EVALUATION_ROWS = 256  # images evaluated at once


@dataclass(frozen=True)
class History:
    """The result of training a stack of cells.

    Attributes
    ----------
    metrics : dict of (epochs + 1, cells) float64 arrays
        Row 0 is the untrained network. NaN where a metric is not defined (no wrong labels) or the cell has ended.
    parameters : list of Parameters
        One per cell.
    epochs : (cells,) int
        The last epoch of each cell: less than its `Descent.epochs` if it diverged or reached `stop_accuracy`.
    diverged : (cells,) bool
        Cells that ended because their cost was not finite.
    snapshots : list of Snapshots
        One per cell: its parameters after those epochs that `mlp.nn.weights.kept_epochs` names.
    """

    metrics: dict[str, NDArray]
    parameters: list[Parameters]
    epochs: NDArray
    diverged: NDArray
    snapshots: list[Snapshots]


def train_stack(
    network: Network,
    jobs: Sequence[CellJob],
    data: Dataset,
    batch_rng: Generator | None = None,
    evaluation_rows: int | None = None,
    stop_accuracy: float | None = None,
    on_epoch: Callable[[int, dict[str, NDArray]], None] = lambda epoch, metrics: None,
) -> History:
    """Train many networks of one shape, the cells, as one batched computation.

    Parameters
    ----------
    network : Network
        The shape of every cell.
    jobs : sequence of CellJob
        One per cell. Batch size, centring and shifts must be the same.
    data : Dataset
        `data.train_labels` are the true labels; a cell is trained on those of its job.
    batch_rng : Generator, optional
        Draws the mini-batches that all cells share. Default: each cell has its own, from the generator of its job.
    evaluation_rows : int, optional
        Between the first and the last epoch of a cell, compute the training metrics on this many rows only, the first
        ones. Default: on all.
    stop_accuracy : float, optional
        A cell ends after the epoch in which its ``train/accuracy`` reaches this value.
    on_epoch : callable
        Called with the number of the epoch and the metrics (cells,): with 0 before the first step, then after each
        epoch. What it raises ends the training.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If a job has another number of labels than the data, the descents differ in their mini-batches, there is not
        one generator of mini-batches for the stack or one for each cell, or both `evaluation_rows` and `stop_accuracy`
        are given: some rows can't say that a cell has fitted all of them.

    Examples
    --------
    Three seeds at once:

    >>> from mlp import CellJob, Descent, Network, generator, load, train_stack
    >>> data, network = load("digits", rows=500), Network()
    >>> starts = [network.initialize(generator(seed, "start")) for seed in range(3)]
    >>> jobs = [CellJob(start, data.train_labels, Descent(epochs=5)) for start in starts]
    >>> history = train_stack(network, jobs, data, generator(0, "order"))
    >>> history.metrics["test/accuracy"].shape  # epochs, the untrained networks first, and cells
    (6, 3)
    """
    training = StackTraining(network, jobs, data, batch_rng, evaluation_rows, stop_accuracy)
    for epoch, metrics in training.epochs():
        on_epoch(epoch, metrics)
    return training.history


class StackTraining:
    """The training of a stack, an epoch at a time; the parameters are those of `train_stack`.

    Attributes
    ----------
    history : History
        As far as it has been trained.
    epoch : int
        The last epoch that all of its cells were trained for, unless they ended before; -1 at first.
    """

    def __init__(
        self,
        network: Network,
        jobs: Sequence[CellJob],
        data: Dataset,
        batch_rng: Generator | None = None,
        evaluation_rows: int | None = None,
        stop_accuracy: float | None = None,
    ) -> None:
        descents, self.train_labels = [job.descent for job in jobs], checked_labels(jobs, data)
        check_batches(jobs, batch_rng)
        if evaluation_rows is not None and stop_accuracy is not None:
            raise ValueError(f"evaluation_rows: {evaluation_rows} given with stop_accuracy; allowed: one of the two")
        self.jobs, self.data, self.batch_rng = jobs, data, batch_rng
        self.evaluation_rows, self.stop_accuracy = evaluation_rows, stop_accuracy
        self.last_epochs, self.epoch = np.array([descent.epochs for descent in descents]), -1
        shape = self.last_epochs.max() + 1, len(jobs)
        self.history = History(
            {row.name: np.full(shape, np.nan) for row in curve_metrics()},
            [job.start for job in jobs],
            np.zeros(len(jobs), int),
            np.zeros(len(jobs), bool),
            [{} for _ in jobs],
        )
        layout = layout_of(data.train_images, descents[0].center)
        self.train_images, self.test_images = Images(data.train_images, layout), Images(data.test_images, layout)
        self.cells = by_block(descents)  # those still in the stack
        starts, shared = [jobs[cell].start for cell in self.cells], batch_rng is not None
        self.layers = Layers(network, starts, layout, shared, [descents[cell] for cell in self.cells])
        self.snapshot_epochs = kept_epochs(self.last_epochs.max(), network.parameter_count)

    def epochs(self) -> Iterator[tuple[int, dict[str, NDArray]]]:
        """Train one epoch after the other, from 0, before the first step: its number, and the metrics (cells,)."""
        with threadpool_limits(1, "blas"):  # the products are too small to gain from threads
            while self.cells.size:
                self.epoch += 1
                if self.epoch > 0:
                    self.train_epoch()
                self.measure_epoch()
                yield self.epoch, self.metrics_of(self.epoch)

    def metrics_of(self, epoch: int) -> dict[str, NDArray]:
        """The metrics (cells,) of an epoch, by name."""
        return {name: values[epoch] for name, values in self.history.metrics.items()}

    def train_epoch(self) -> None:
        """Take the steps of an epoch."""
        own = [rng for cell in self.cells if (rng := self.jobs[cell].batch_rng)]
        dropout_rngs = [self.jobs[cell].dropout_rng for cell in self.cells]
        labels, batch_rngs = self.train_labels[self.cells], [self.batch_rng] if self.batch_rng else own
        run_epoch(self.layers, self.train_images, labels, self.epoch - 1, batch_rngs, dropout_rngs=dropout_rngs)

    def measure_epoch(self) -> None:
        """Measure all cells after an epoch, keep their parameters where they are wanted, and remove cells that end."""
        history, cells, epoch, n = self.history, self.cells, self.epoch, self.train_labels.shape[1]
        rows = np.where((epoch == 0) | (epoch == self.last_epochs[cells]), n, self.evaluation_rows or n)
        labels = self.train_labels[cells]
        measured = evaluate(self.layers, self.train_images, self.test_images, self.data, labels, rows)
        for name, values in measured.items():
            history.metrics[name][epoch, cells] = values
        history.epochs[cells] = epoch
        if epoch in self.snapshot_epochs:
            for cell, parameters in zip(cells, self.layers.parameters(), strict=True):
                history.snapshots[cell][epoch] = snapshot(parameters)
        history.diverged[cells] = ~np.isfinite(measured["train/cost"])
        ended = history.diverged[cells] | (epoch == self.last_epochs[cells])
        if self.stop_accuracy is not None:
            ended |= measured["train/accuracy"] >= self.stop_accuracy
        if ended.any():
            for cell, parameters in zip(cells, self.layers.parameters(), strict=True):
                history.parameters[cell] = parameters
            self.remove(ended)

    def remove(self, ended: NDArray) -> None:
        """Remove the cells of the stack that have ended, (cells still in it,) bool."""
        self.cells = self.cells[~ended]
        if self.cells.size:
            self.layers.keep(np.flatnonzero(~ended))

    def generators(self) -> list[Generator]:
        """All random generators, in a fixed order."""
        of_jobs = [rng for job in self.jobs for rng in (job.batch_rng, job.dropout_rng) if rng]
        return [self.batch_rng, *of_jobs] if self.batch_rng else of_jobs

    def state(self) -> Arrays:
        """Everything that training needs to go on after the epoch, with the same bits."""
        history = self.history
        arrays = {"epoch": np.array(self.epoch), "cells": self.cells, "generators": states_of(self.generators())}
        arrays |= {"epochs": history.epochs, "diverged": history.diverged} | with_prefix("metrics", history.metrics)
        for cell, (parameters, snapshots) in enumerate(zip(history.parameters, history.snapshots, strict=True)):
            arrays |= with_prefix(f"cell {cell}", to_arrays(parameters) | snapshot_arrays(snapshots))
        return arrays | with_prefix("layers", self.layers.state() if self.cells.size else {})

    def restore(self, arrays: Arrays) -> None:
        """Go on from the `state` of the same stack of cells."""
        history = self.history
        self.epoch = int(arrays["epoch"])
        restore(self.generators(), arrays["generators"])
        self.remove(~np.isin(self.cells, arrays["cells"]))
        if self.cells.size:
            self.layers.restore(without_prefix("layers", arrays))
        history.epochs[:], history.diverged[:] = arrays["epochs"], arrays["diverged"]
        history.metrics.update(without_prefix("metrics", arrays))
        for cell in range(len(self.jobs)):
            of_cell = without_prefix(f"cell {cell}", arrays)
            history.parameters[cell], history.snapshots[cell] = from_arrays(of_cell), from_snapshot_arrays(of_cell)


def checked_labels(jobs: Sequence[CellJob], data: Dataset) -> NDArray:
    """The labels of all jobs (cells, n); a ValueError if one has another number of labels than the data."""
    for job in jobs:
        if job.train_labels.shape != data.train_labels.shape:
            raise ValueError(f"train_labels: shape {job.train_labels.shape} given; allowed: {data.train_labels.shape}")
    return np.stack([job.train_labels for job in jobs])


def check_batches(jobs: Sequence[CellJob], batch_rng: Generator | None) -> None:
    """Raise a ValueError unless the descents can share mini-batches, and it is clear who draws them."""
    for field in MINI_BATCHES:
        values = sorted({getattr(job.descent, field) for job in jobs})
        if len(values) > 1:
            raise ValueError(f"{field}: {', '.join(map(str, values))} given; allowed: one for all cells of a stack")
    own = sum(job.batch_rng is not None for job in jobs)
    if own != (0 if batch_rng else len(jobs)):
        also = " and one for the stack" if batch_rng else ""
        raise ValueError(f"batch_rng: {own} for {len(jobs)} cells{also} given; allowed: one for each, or for the stack")


@np.errstate(all="ignore")  # the cost shows whether a cell has diverged
def run_epoch(
    layers: Layers,
    images: Images,
    train_labels: NDArray,
    epoch: int,
    batch_rngs: Sequence[Generator],
    example_weights: NDArray | None = None,
    dropout_rngs: Sequence[Generator | None] = (),
) -> None:
    """Train for one epoch.

    Parameters
    ----------
    layers : Layers
        Changed in place.
    images : Images
        The training set.
    train_labels : (cells, n) uint8
        The labels that each cell is trained on.
    epoch : int
        Counted from 0.
    batch_rngs : sequence of Generator
        Draw the mini-batches: one that all cells share, or one per cell.
    example_weights : (n,) float32, optional
        Factors of the examples' costs. Default: 1.
    dropout_rngs : sequence of Generator or None
        One per cell, which draws its dropped activations; needed with dropout.
    """
    eye, descent = np.eye(layers.network.sizes[-1], dtype=np.float32), layers.blocks[0].descents[0]
    layers.begin(epoch)
    for chunks in zip(*(images.mini_batches(descent, rng) for rng in batch_rngs), strict=True):
        if layers.shared:
            labels = np.take(train_labels, chunks[0][0], axis=1)
        else:
            labels = np.stack([of_cell[rows] for of_cell, (rows, _) in zip(train_labels, chunks, strict=True)])
        factors = None if example_weights is None else np.stack([example_weights[rows] for rows, _ in chunks])
        targets, first = np.take(eye, labels, axis=0), 0
        for batches in zip(*(batches for _, batches in chunks), strict=True):
            after = first + batches[0].n
            of_batch = None if factors is None else factors[:, first:after]
            layers.step(list(batches), targets[:, first:after], of_batch, dropout_rngs)
            first = after


def evaluate(
    layers: Layers, train_images: Images, test_images: Images, data: Dataset, train_labels: NDArray, rows: NDArray
) -> dict[str, NDArray]:
    """All metrics of all cells (cells,), each on its number of training images; `train_labels` are (cells, n)."""

    def evaluations(images: Images, labels: NDArray, true: NDArray, rows: NDArray) -> list[Evaluation]:
        costs, predicted = measure(layers, images, labels[:, : rows.max()])
        return [
            Evaluation(cost[:n], answers[:n], of_cell[:n], true[:n])
            for cost, answers, of_cell, n in zip(costs, predicted, labels, rows, strict=True)
        ]

    cells, tested = len(train_labels), len(data.test_labels)
    train = evaluations(train_images, train_labels, data.train_labels, rows)
    test_labels = np.broadcast_to(data.test_labels, (cells, tested))
    test = evaluations(test_images, test_labels, data.test_labels, np.full(cells, tested))
    of_cells = [measured(*sets) for sets in zip(train, test, strict=True)]
    return {name: np.array([metrics[name] for metrics in of_cells]) for name in of_cells[0]}


@np.errstate(all="ignore")
def measure(layers: Layers, images: Images, labels: NDArray) -> tuple[NDArray, NDArray]:
    """Evaluate all cells on the first images, as many as there are labels.

    Parameters
    ----------
    layers : Layers
    images : Images
    labels : (cells, n) int

    Returns
    -------
    costs : (cells, n) float32
        Cost of each example.
    predicted : (cells, n), of the labels' type
        The predicted class of each example; the number of classes, which is none of them, where activations are NaN.
    """
    costs, predicted = np.empty(labels.shape, np.float32), np.empty(labels.shape, labels.dtype)
    classes = np.arange(layers.network.sizes[-1]).astype(labels.dtype).reshape(-1, 1, 1)
    cost, first = COSTS[layers.network.cost], 0
    for _, batches in images.in_order(EVALUATION_ROWS, labels.shape[1]):
        for batch in batches:
            rows = slice(first, first + batch.n)
            # The outputs come first (outputs, cells, n), because NumPy is slow on rows of ten.
            answers = np.ascontiguousarray(np.moveaxis(layers.answers(batch), -1, 0))
            targets = (labels[:, rows] == classes).astype(np.float32)
            costs[:, rows] = cost.value(np.moveaxis(answers, 0, -1), np.moveaxis(targets, 0, -1))
            predicted[:, rows] = first_largest(answers)
            first += batch.n
    return costs, predicted


def first_largest(answers: NDArray) -> NDArray:
    """`argmax` along the first of three axes, in a third of its time; the number of outputs where one is NaN."""
    outputs = len(answers)
    ranks = np.arange(outputs, 0, -1).astype(np.min_scalar_type(outputs)).reshape(-1, 1, 1)
    return outputs - (np.equal(answers, answers.max(axis=0)) * ranks).max(axis=0)
