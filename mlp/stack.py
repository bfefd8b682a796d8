"""Many networks trained as one: the engine."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlp.costs import COSTS
from mlp.data import Dataset
from mlp.descent import Descent
from mlp.layers import Layers
from mlp.metrics import TEST_METRICS, TRAIN_METRICS, train_metrics
from mlp.network import Network, Parameters
from mlp.pixels import Images, layout_of

EVALUATION_ROWS = 256  # images that are measured at once


@dataclass(frozen=True)
class History:
    """What training a stack of cells gives back.

    Attributes
    ----------
    metrics : dict of (epochs + 1, cells) float64 arrays
        Row 0 is the untrained network. NaN where a metric is not defined (no wrong labels) or the cell had ended.
    parameters : list of Parameters, one a cell
    epochs : (cells,) int
        The last epoch of each cell: fewer than asked for where it diverged or met the stop rule.
    diverged : (cells,) bool
        Cells that ended because their cost was not finite.
    """

    metrics: dict[str, NDArray]
    parameters: list[Parameters]
    epochs: NDArray
    diverged: NDArray


def train_stack(
    network: Network,
    descent: Descent,
    starts: list[Parameters],
    data: Dataset,
    given: NDArray,
    orders: Generator | list[Generator],
    evaluation_rows: int | None = None,
    stop_accuracy: float | None = None,
    on_epoch: Callable[[int, dict[str, NDArray]], None] = lambda epoch, metrics: None,
) -> History:
    """Train cells of one shape.

    Parameters
    ----------
    starts : list of Parameters, one a cell
    given : (cells, n) uint8
        The labels that each cell is trained on; `data.train_labels` are the right ones.
    orders : Generator or list of Generator
        Draws the mini-batches, for all cells the same, or one a cell.
    evaluation_rows : int, optional
        Measure the training metrics on the first so many rows only.
    stop_accuracy : float, optional
        A cell ends after the epoch in which its ``train/accuracy`` reached this.
    on_epoch
        Called with 0 before the first step and with the number of the epoch after each, and the metrics (cells,) then.
    """
    if isinstance(orders, list) and len(orders) != len(starts):
        raise ValueError(f"orders: {len(orders)} given; allowed: one for all cells, or a list of {len(starts)}")
    if given.shape != (len(starts), len(data.train_labels)):
        raise ValueError(f"given: shape {given.shape}; allowed: {(len(starts), len(data.train_labels))}")
    metrics = {name: np.full((descent.epochs + 1, len(starts)), np.nan) for name in TRAIN_METRICS + TEST_METRICS}
    history = History(metrics, list(starts), np.zeros(len(starts), int), np.zeros(len(starts), bool))
    layout = layout_of(data.train_images, descent.center)
    train_images, test_images = Images(data.train_images, layout), Images(data.test_images, layout)
    layers = Layers(network, starts, layout, isinstance(orders, Generator), descent.momentum)
    cells = np.arange(len(starts))  # that are still in the stack

    with threadpool_limits(1, "blas"):  # the products are small: more threads would only wait for each other
        for epoch in range(descent.epochs + 1):
            if epoch > 0:
                running = [orders] if isinstance(orders, Generator) else [orders[cell] for cell in cells]
                run_epoch(layers, train_images, given[cells], descent, epoch - 1, running)
            for name, values in evaluate(
                layers, train_images, test_images, data, given[cells, :evaluation_rows]
            ).items():
                metrics[name][epoch, cells] = values
            history.epochs[cells] = epoch
            on_epoch(epoch, {name: values[epoch] for name, values in metrics.items()})

            history.diverged[cells] = ~np.isfinite(metrics["train/cost"][epoch, cells])
            ended = history.diverged[cells] | (epoch == descent.epochs)
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


@np.errstate(all="ignore")  # a cell that diverges is found by its cost
def run_epoch(
    layers: Layers, images: Images, given: NDArray, descent: Descent, epoch: int, orders: list[Generator]
) -> None:
    """Walk through all mini-batches once.

    Parameters
    ----------
    given : (cells, n) uint8
    epoch : int
        Counted from 0.
    orders
        One that all cells share, or one a cell.
    """
    eye, rate = np.eye(layers.network.sizes[-1], dtype=np.float32), descent.rate(epoch)
    for chunks in zip(*(images.mini_batches(descent, order) for order in orders), strict=True):
        if layers.shared:
            labels = np.take(given, chunks[0][0], axis=1)
        else:
            labels = np.stack([of_cell[rows] for of_cell, (rows, _) in zip(given, chunks, strict=True)])
        targets, first = np.take(eye, labels, axis=0), 0
        for batches in zip(*(batches for _, batches in chunks), strict=True):
            after = first + batches[0].n
            layers.step(list(batches), targets[:, first:after], rate)
            first = after


def evaluate(
    layers: Layers, train_images: Images, test_images: Images, data: Dataset, given: NDArray
) -> dict[str, NDArray]:
    """All metrics of all cells (cells,), on as many training images as there are given labels (cells, n)."""
    costs, predicted = measure(layers, train_images, given)
    true = data.train_labels[: given.shape[1]]
    of_cells = [train_metrics(*arrays, true) for arrays in zip(costs, predicted, given, strict=True)]
    metrics = {name: np.array([figures[name] for figures in of_cells]) for name in TRAIN_METRICS}
    costs, predicted = measure(
        layers, test_images, np.broadcast_to(data.test_labels, (len(given), len(data.test_labels)))
    )
    return metrics | {"test/cost": costs.mean(axis=1), "test/accuracy": (predicted == data.test_labels).mean(axis=1)}


@np.errstate(all="ignore")
def measure(layers: Layers, images: Images, labels: NDArray) -> tuple[NDArray, NDArray]:
    """Answers of all cells to the first images, as many as there are labels (cells, n).

    Returns
    -------
    Cost of each example (cells, n) float32, and the digit answered (cells, n) uint8.
    """
    costs, predicted = np.empty(labels.shape, np.float32), np.empty(labels.shape, np.uint8)
    digits = np.arange(layers.network.sizes[-1]).astype(np.uint8).reshape(-1, 1, 1)
    cost, first = COSTS[layers.network.cost], 0
    for _, batches in images.in_order(EVALUATION_ROWS, labels.shape[1]):
        for batch in batches:
            rows = slice(first, first + batch.n)
            # An output at a time (outputs, cells, n): NumPy is slow on rows of ten.
            answers = np.ascontiguousarray(np.moveaxis(layers.answers(batch), -1, 0))
            targets = (labels[:, rows] == digits).astype(np.float32)
            costs[:, rows] = cost.value(np.moveaxis(answers, 0, -1), np.moveaxis(targets, 0, -1))
            predicted[:, rows] = first_largest(answers)
            first += batch.n
    return costs, predicted


def first_largest(answers: NDArray) -> NDArray:
    """What `argmax` finds along the first of three axes, in a third of its time; no output at all where one is NaN."""
    outputs = len(answers)
    ranks = np.arange(outputs, 0, -1).astype(np.min_scalar_type(outputs)).reshape(-1, 1, 1)
    return outputs - (np.equal(answers, answers.max(axis=0)) * ranks).max(axis=0)
