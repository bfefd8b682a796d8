"""Many networks trained as one: the engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlp.data.sets import Dataset
from mlp.engine.blocks import by_block
from mlp.engine.layers import Layers
from mlp.engine.pixels import Images, layout_of
from mlp.measures.metrics import Evaluation, curve_metrics, measured
from mlp.nn.costs import COSTS
from mlp.nn.descent import MINI_BATCHES, CellJob
from mlp.nn.network import Network, Parameters
from mlp.nn.snapshots import Snapshots, kept_epochs, snapshot

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
        One per cell: its parameters after those epochs that `mlp.nn.snapshots.kept_epochs` names.
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
    descents, train_labels = [job.descent for job in jobs], checked_labels(jobs, data)
    check_batches(jobs, batch_rng)
    if evaluation_rows is not None and stop_accuracy is not None:
        raise ValueError(f"evaluation_rows: {evaluation_rows} given with stop_accuracy; allowed: one of the two")
    curves = [row.name for row in curve_metrics()]
    epochs, n = np.array([descent.epochs for descent in descents]), train_labels.shape[1]
    metrics = {name: np.full((epochs.max() + 1, len(jobs)), np.nan) for name in curves}
    history = History(
        metrics, [job.start for job in jobs], np.zeros(len(jobs), int), np.zeros(len(jobs), bool), [{} for _ in jobs]
    )
    layout = layout_of(data.train_images, descents[0].center)
    train_images, test_images = Images(data.train_images, layout), Images(data.test_images, layout)
    cells = by_block(descents)  # those still in the stack
    starts, shared = [jobs[cell].start for cell in cells], batch_rng is not None
    layers = Layers(network, starts, layout, shared, [descents[cell] for cell in cells])
    snapshot_epochs = kept_epochs(epochs.max(), network.parameter_count)

    with threadpool_limits(1, "blas"):  # the products are too small to gain from threads
        for epoch in range(epochs.max() + 1):
            if epoch > 0:
                batch_rngs = [batch_rng] if batch_rng else [rng for cell in cells if (rng := jobs[cell].batch_rng)]
                dropout_rngs = [jobs[cell].dropout_rng for cell in cells]
                run_epoch(layers, train_images, train_labels[cells], epoch - 1, batch_rngs, dropout_rngs=dropout_rngs)
            rows = np.where((epoch == 0) | (epoch == epochs[cells]), n, evaluation_rows or n)
            for name, values in evaluate(layers, train_images, test_images, data, train_labels[cells], rows).items():
                metrics[name][epoch, cells] = values
            history.epochs[cells] = epoch
            on_epoch(epoch, {name: values[epoch] for name, values in metrics.items()})
            if epoch in snapshot_epochs:
                for cell, parameters in zip(cells, layers.parameters(), strict=True):
                    history.snapshots[cell][epoch] = snapshot(parameters)

            history.diverged[cells] = ~np.isfinite(metrics["train/cost"][epoch, cells])
            ended = history.diverged[cells] | (epoch == epochs[cells])
            if stop_accuracy is not None:
                ended |= metrics["train/accuracy"][epoch, cells] >= stop_accuracy
            if ended.any():
                for place, parameters in enumerate(layers.parameters()):
                    history.parameters[cells[place]] = parameters
                cells = cells[~ended]
                if not cells.size:
                    break
                layers.keep(np.flatnonzero(~ended))
    return history


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
