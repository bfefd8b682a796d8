"""One stack: cells in, reports of their training out. Knows neither MLflow nor Prefect, whose imports take seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from flows.plan.cell import Cell
from flows.plan.preparation import dataset_fields, load_data, network_of, train_labels_of
from flows.sweep.progress import ProgressFolder
from mlp.data.randomness import generator
from mlp.data.sets import Dataset
from mlp.engine.stack import History, train_stack
from mlp.measures.confidence import confidence_on_noise, noise_images
from mlp.measures.metrics import final_metrics
from mlp.nn.descent import CellJob, Descent
from mlp.nn.network import Parameters
from mlp.nn.snapshots import Snapshots


@dataclass(frozen=True)
class Loaded:
    """The data of a stack are loaded, and its cells begin to train.

    Attributes
    ----------
    data : dict
        Of `flows.plan.preparation.dataset_fields`.
    test_images : int
    sizes : tuple of int
        Neurons of each layer of every cell, inputs first.
    """

    data: dict[str, str]
    test_images: int
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class EpochEnded:
    """The metrics (cells,) after an epoch, by name; epoch 0 is before the first step.

    Attributes
    ----------
    time : float
        When they were measured, in seconds since 1970: they may be read and delivered later.
    """

    epoch: int
    metrics: dict[str, NDArray]
    time: float = field(default_factory=time.time)


@dataclass(frozen=True)
class CellTrained:
    """What is left to say of a cell after the last epoch of its stack.

    Attributes
    ----------
    time : float
        When the training of the stack ended, in seconds since 1970.
    place : int
        Of the cell in its stack.
    epochs : int
        The last epoch that it was trained for.
    diverged : bool
        Whether its cost was not finite then; the other attributes are empty in this case.
    metrics : dict
        The final metrics.
    parameters : Parameters
    snapshots : Snapshots
        Parameters of earlier epochs.
    """

    time: float
    place: int
    epochs: int
    diverged: bool
    metrics: dict[str, float]
    parameters: Parameters
    snapshots: Snapshots


Report: TypeAlias = Loaded | EpochEnded | CellTrained


def train_cells(cells: list[Cell], progress: ProgressFolder, report: Callable[[Report], None]) -> None:
    """Train the cells of a stack, and report the data, each epoch, and at the end each cell.

    Raises
    ------
    Stopped
        If the sweep was asked to stop.
    """
    data = load_data(cells[0])
    report(Loaded(dataset_fields(data), len(data.test_labels), network_of(cells[0], data).sizes))

    def on_epoch(epoch: int, metrics: dict[str, NDArray]) -> None:
        report(EpochEnded(epoch, metrics))
        progress.check()

    history = train(cells, data, on_epoch)
    ended = time.time()
    final = final_measure(cells[0], data)
    for place in range(len(cells)):
        report(result_of(place, history, ended, final))


def train(cells: list[Cell], data: Dataset, on_epoch: Callable[[int, dict[str, NDArray]], None]) -> History:
    """Train the cells of a stack, each with its own descent, from the start of its seed and on its own labels."""
    batch_rng = generator(0, "order") if cells[0].order == "experiment" else None
    jobs = [
        CellJob(
            start=network_of(cell, data).initialize(generator(cell.seed, "start")),
            train_labels=train_labels_of(cell, data),
            descent=Descent(**cell.descent.model_dump()),
            batch_rng=None if batch_rng else generator(cell.seed, "order"),
            dropout_rng=generator(cell.seed, "dropout"),
        )
        for cell in cells
    ]
    network, rows = network_of(cells[0], data), cells[0].curve_rows
    return train_stack(network, jobs, data, batch_rng, rows, cells[0].stop_accuracy, on_epoch)


def final_measure(cell: Cell, data: Dataset) -> Callable[[Parameters], dict[str, float]]:
    """A function that measures the confidence of a trained network on noise: on the same images for a whole stack."""
    network, noise = network_of(cell, data), cell.noise
    images = {kind: noise_images(kind, noise.count, data, generator(noise.seed, "noise")) for kind in noise.kinds}
    return lambda parameters: confidence_on_noise(network, parameters, images, data.test_images)


def result_of(
    place: int, history: History, ended: float, final: Callable[[Parameters], dict[str, float]]
) -> CellTrained:
    """The result of one cell of a stack, with its confidence on noise."""
    epochs = int(history.epochs[place])
    if history.diverged[place]:
        return CellTrained(ended, place, epochs, True, {}, [], {})
    parameters = history.parameters[place]
    curves = {name: values[:, place] for name, values in history.metrics.items()}
    # As in training: more BLAS threads would only wait for each other and for those of other stacks.
    with threadpool_limits(1, "blas"):
        metrics = final_metrics(curves) | final(parameters)
    return CellTrained(ended, place, epochs, False, metrics, parameters, history.snapshots[place])
