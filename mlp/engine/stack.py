"""Many networks trained as one: the engine."""

from collections.abc import Callable, Collection, Sequence
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
from mlp.nn.descent import MINI_BATCHES, Descent
from mlp.nn.network import Network, Parameters
from mlp.nn.snapshots import Snapshots, snapshot

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
        One per cell: its parameters after some of the epochs that it was trained for.
    """

    metrics: dict[str, NDArray]
    parameters: list[Parameters]
    epochs: NDArray
    diverged: NDArray
    snapshots: list[Snapshots]


def train_stack(
    network: Network,
    descent: Descent | Sequence[Descent],
    starts: list[Parameters],
    data: Dataset,
    given: NDArray,
    orders: Generator | list[Generator],
    evaluation_rows: int | None = None,
    stop_accuracy: float | None = None,
    on_epoch: Callable[[int, dict[str, NDArray]], None] = lambda epoch, metrics: None,
    snapshot_epochs: Collection[int] = (),
    dropout_rngs: Sequence[Generator] = (),
) -> History:
    """Train many networks of one shape, the cells, as one batched computation.

    Parameters
    ----------
    network : Network
        The shape of every cell.
    descent : Descent or sequence of Descent
        One for all cells, or one per cell. They share mini-batches, and so batch size, centring and shifts.
    starts : list of Parameters
        One per cell; not changed.
    data : Dataset
        `data.train_labels` are the true labels; the cells are trained on `given`.
    given : (cells, n) uint8
        The labels that each cell is trained on.
    orders : Generator or list of Generator
        Draws the mini-batches: one generator for all cells, or one per cell.
    evaluation_rows : int, optional
        Between the first and the last epoch of a cell, compute the training metrics on this many rows only, the first
        ones. Default: on all.
    stop_accuracy : float, optional
        A cell ends after the epoch in which its ``train/accuracy`` reaches this value.
    on_epoch : callable
        Called with the number of the epoch and the metrics (cells,): with 0 before the first step, then after each
        epoch. What it raises ends the training.
    snapshot_epochs : collection of int
        The epochs whose parameters the history keeps; see `mlp.nn.snapshots`.
    dropout_rngs : sequence of Generator, optional
        One per cell, which draws its dropped activations; needed with dropout.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If `given` does not have one row of labels per cell, a list has another length than `starts`, the descents
        differ in their mini-batches, there is dropout and no list of `dropout_rngs`, or both `evaluation_rows` and
        `stop_accuracy` are given: some rows can't say that a cell has fitted all of them.
    """
    descents = [descent] * len(starts) if isinstance(descent, Descent) else list(descent)
    check_descents(descents, len(starts))
    if evaluation_rows is not None and stop_accuracy is not None:
        raise ValueError(f"evaluation_rows: {evaluation_rows} given with stop_accuracy; allowed: one of the two")
    if isinstance(orders, list) and len(orders) != len(starts):
        raise ValueError(f"orders: {len(orders)} given; allowed: one for all cells, or a list of {len(starts)}")
    if given.shape != (len(starts), len(data.train_labels)):
        raise ValueError(f"given: shape {given.shape}; allowed: {(len(starts), len(data.train_labels))}")
    if any(each.dropout for each in descents) and len(dropout_rngs) != len(starts):
        raise ValueError(
            f"dropout_rngs: {len(dropout_rngs)} given, with dropout; allowed: one for each of {len(starts)} cells"
        )
    curves = [row.name for row in curve_metrics()]
    epochs = np.array([each.epochs for each in descents])
    metrics = {name: np.full((epochs.max() + 1, len(starts)), np.nan) for name in curves}
    history = History(
        metrics, list(starts), np.zeros(len(starts), int), np.zeros(len(starts), bool), [{} for _ in starts]
    )
    layout = layout_of(data.train_images, descents[0].center)
    train_images, test_images = Images(data.train_images, layout), Images(data.test_images, layout)
    cells = by_block(descents)  # those still in the stack
    shared = isinstance(orders, Generator)
    layers = Layers(network, [starts[cell] for cell in cells], layout, shared, [descents[cell] for cell in cells])

    with threadpool_limits(1, "blas"):  # the products are too small to gain from threads
        for epoch in range(epochs.max() + 1):
            if epoch > 0:
                running = [orders] if isinstance(orders, Generator) else [orders[cell] for cell in cells]
                drops = [dropout_rngs[cell] for cell in cells] if dropout_rngs else []
                run_epoch(layers, train_images, given[cells], epoch - 1, running, dropout_rngs=drops)
            rows = np.where((epoch == 0) | (epoch == epochs[cells]), given.shape[1], evaluation_rows or given.shape[1])
            for name, values in evaluate(layers, train_images, test_images, data, given[cells], rows).items():
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


def check_descents(descents: list[Descent], cells: int) -> None:
    """Raise a ValueError unless there is a descent per cell, and all have the same mini-batches."""
    if len(descents) != cells:
        raise ValueError(f"descent: {len(descents)} given; allowed: one for all cells, or a list of {cells}")
    for field in MINI_BATCHES:
        values = sorted({getattr(descent, field) for descent in descents})
        if len(values) > 1:
            raise ValueError(f"{field}: {', '.join(map(str, values))} given; allowed: one for all cells of a stack")


@np.errstate(all="ignore")  # the cost shows whether a cell has diverged
def run_epoch(
    layers: Layers,
    images: Images,
    given: NDArray,
    epoch: int,
    orders: list[Generator],
    example_weights: NDArray | None = None,
    dropout_rngs: Sequence[Generator] = (),
) -> None:
    """Train for one epoch.

    Parameters
    ----------
    layers : Layers
        Changed in place.
    images : Images
        The training set.
    given : (cells, n) uint8
        The labels that each cell is trained on.
    epoch : int
        Counted from 0.
    orders : list of Generator
        One that all cells share, or one per cell.
    example_weights : (n,) float32, optional
        Factors of the examples' costs. Default: 1.
    dropout_rngs : sequence of Generator
        One per cell, which draws its dropped activations; needed with dropout.
    """
    eye, descent = np.eye(layers.network.sizes[-1], dtype=np.float32), layers.blocks[0].descents[0]
    layers.begin(epoch)
    for chunks in zip(*(images.mini_batches(descent, order) for order in orders), strict=True):
        if layers.shared:
            labels = np.take(given, chunks[0][0], axis=1)
        else:
            labels = np.stack([of_cell[rows] for of_cell, (rows, _) in zip(given, chunks, strict=True)])
        factors = None if example_weights is None else np.stack([example_weights[rows] for rows, _ in chunks])
        targets, first = np.take(eye, labels, axis=0), 0
        for batches in zip(*(batches for _, batches in chunks), strict=True):
            after = first + batches[0].n
            of_batch = None if factors is None else factors[:, first:after]
            layers.step(list(batches), targets[:, first:after], of_batch, dropout_rngs)
            first = after


def evaluate(
    layers: Layers, train_images: Images, test_images: Images, data: Dataset, given: NDArray, rows: NDArray
) -> dict[str, NDArray]:
    """All metrics of all cells (cells,), each on its number of training images; given labels are (cells, n)."""

    def evaluations(images: Images, labels: NDArray, true: NDArray, rows: NDArray) -> list[Evaluation]:
        costs, predicted = measure(layers, images, labels[:, : rows.max()])
        return [
            Evaluation(cost[:n], answers[:n], of_cell[:n], true[:n])
            for cost, answers, of_cell, n in zip(costs, predicted, labels, rows, strict=True)
        ]

    train = evaluations(train_images, given, data.train_labels, rows)
    test_labels = np.broadcast_to(data.test_labels, (len(given), len(data.test_labels)))
    test = evaluations(test_images, test_labels, data.test_labels, np.full(len(given), len(data.test_labels)))
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
