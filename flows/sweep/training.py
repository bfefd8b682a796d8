"""One stack: cells in, events of their training out. Knows neither MLflow nor Prefect, whose imports take seconds."""

import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from threadpoolctl import threadpool_limits

from flows.plan.cell import Cell
from flows.plan.preparation import dataset_fields, load_data, network_of, train_labels_of
from flows.platform.paths import store_folder
from flows.sweep.events import CellTrained, EpochEnded, Loaded, StackEvent
from mlp.data.randomness import generator
from mlp.data.sets import Dataset
from mlp.engine.checkpoint import Checkpoint
from mlp.engine.stack import History, StackTraining
from mlp.measures.confidence import confidence_on_noise, noise_images
from mlp.measures.metrics import final_metrics
from mlp.nn.descent import CellJob, Descent
from mlp.nn.network import Parameters


def emit_training(cells: dict[str, Cell], emit: Callable[[StackEvent], None]) -> None:
    """Train the cells of a stack, by key, and emit that the data are loaded, each epoch, and at the end each cell."""
    first = next(iter(cells.values()))
    data, checkpoint = load_data(first), Checkpoint(checkpoint_path(cells))
    emit(Loaded(dataset_fields(data), len(data.test_labels), network_of(first, data).sizes))
    training = begun_training(list(cells.values()), data, checkpoint)
    for epoch in range(training.epoch + 1):  # those before an interruption
        emit(EpochEnded(epoch, training.metrics_of(epoch)))
    for epoch, metrics in training.epochs():
        emit(EpochEnded(epoch, metrics))
        checkpoint.write(training.state)
    ended = time.time()
    final = final_measure(first, data)
    for index in range(len(cells)):
        emit(result_of(index, training.history, ended, final))
    checkpoint.remove()


def checkpoint_path(cells: Iterable[str]) -> Path:
    """The file in the store for the state of a stack of the cells with these keys."""
    return store_folder() / "checkpoints" / f"{hashlib.sha256(' '.join(cells).encode()).hexdigest()[:16]}.npz"


def begun_training(cells: list[Cell], data: Dataset, checkpoint: Checkpoint) -> StackTraining:
    """The training of a stack, as far as it had come when it was interrupted."""
    training = training_of(cells, data)
    try:
        training.restore(checkpoint.read())
    except FileNotFoundError:
        return training
    except (KeyError, ValueError):  # damaged, or of another version: as good as none
        return training_of(cells, data)
    return training


def training_of(cells: list[Cell], data: Dataset) -> StackTraining:
    """The training of a stack: each cell with its own descent, from the start of its seed and on its own labels."""
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
    return StackTraining(network, jobs, data, batch_rng, rows, cells[0].stop_accuracy)


def final_measure(cell: Cell, data: Dataset) -> Callable[[Parameters], dict[str, float]]:
    """A function that measures the confidence of a trained network on noise: on the same images for a whole stack."""
    network, noise = network_of(cell, data), cell.noise
    images = {kind: noise_images(kind, noise.count, data, generator(noise.seed, "noise")) for kind in noise.kinds}
    return lambda parameters: confidence_on_noise(network, parameters, images, data.test_images)


def result_of(
    index: int, history: History, ended: float, final: Callable[[Parameters], dict[str, float]]
) -> CellTrained:
    """The result of one cell of a stack, with its confidence on noise."""
    epochs = int(history.epochs[index])
    if history.diverged[index]:
        return CellTrained(ended, index, epochs, True, {}, [], {})
    parameters = history.parameters[index]
    curves = {name: values[:, index] for name, values in history.metrics.items()}
    # As in training: more BLAS threads would only wait for each other and for those of other stacks.
    with threadpool_limits(1, "blas"):
        metrics = final_metrics(curves) | final(parameters)
    return CellTrained(ended, index, epochs, False, metrics, parameters, history.snapshots[index])
