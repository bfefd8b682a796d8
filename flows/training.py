"""One stack: cells in, finished MLflow runs out. Plain functions, run inside a Prefect task."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from mlflow import MlflowClient
from threadpoolctl import threadpool_limits

from flows import outbox
from flows.board import Board, Stopped
from flows.cell_run import CellRun, Courier, finished_since
from flows.experiment import Cell
from flows.liveness import Lease
from flows.tracking import STORE_ERRORS, code_version, connect, dataset_fields, one_line
from mlp.confidence import confidence, noise_images
from mlp.corruption import corrupt_images, corrupt_labels
from mlp.data import Dataset, load
from mlp.descent import Descent, scaled
from mlp.network import Network, Parameters
from mlp.randomness import generator
from mlp.stack import History, train_stack

ACCURACY_MILESTONES = (0.9, 0.99)
BLOCK_IMAGES = 1000  # as floats at once: 3 MB


@dataclass(frozen=True)
class Sweep:
    """What every stack of a sweep must know of it.

    Attributes
    ----------
    owner : str
        The process that runs it; see `flows.liveness`.
    planned : int
        When it saw which cells were missing, in milliseconds since 1970.
    """

    tracking_uri: str
    experiment_id: str
    run_id: str
    owner: str
    planned: int
    data_requested: str
    board: Board


@dataclass(frozen=True)
class Trained:
    """What a stack came to.

    Attributes
    ----------
    counts : dict
        How many cells ended as FINISHED, FAILED or KILLED.
    undelivered : str
        Why MLflow could not be given all of it; empty if it has got all.
    kept : bool
        Whether what MLflow has not got waits in the outbox. Else it is lost, and to be trained again.
    """

    counts: dict[str, int]
    undelivered: str = ""
    kept: bool = True


def clean_data(cell: Cell) -> Dataset:
    """The data set of a cell, whatever the cell asks to do to it."""
    settings = cell.experiment.data
    return load(settings.name, split=settings.split, rows=cell.rows, test_rows=settings.test_rows, side=settings.side)


def load_data(cell: Cell) -> Dataset:
    """The data set that a cell trains on, its inputs spoiled where the cell asks for it."""
    data = clean_data(cell)
    if cell.inputs == "true":
        return data
    # Always of seed 0: all cells of a stack read the same images.
    images = corrupt_images(data.train_images, cell.inputs, generator(0, "corruption"))
    test_images = data.test_images
    if cell.inputs == "shuffled_pixels":
        # The same permutation; the others leave nothing in the training images that a test image could share.
        test_images = corrupt_images(test_images, cell.inputs, generator(0, "corruption"))
    return replace(data, train_images=images, test_images=test_images)


def train_cells(cells: dict[str, Cell], name: str, sweep: Sweep) -> Trained:
    """Train one stack and log it, a run a cell.

    Parameters
    ----------
    cells : dict
        By cell key; all of one shape.
    name : str
        Of the stack, on the sweep's board.
    """
    if sweep.board.stopped():
        return Trained({"KILLED": len(cells)})
    client = connect(sweep.tracking_uri)
    lease = Lease(client, sweep.run_id, sweep.owner)
    data = load_data(next(iter(cells.values())))
    runs = [run_of(cell, key, sweep, data) for key, cell in cells.items()]
    courier = Courier(client, runs)

    def on_epoch(epoch: int, metrics: dict[str, np.ndarray]) -> None:
        courier.record(epoch, metrics)
        accuracy = float(np.nanmean(metrics["test/accuracy"])) if np.isfinite(metrics["test/accuracy"]).any() else None
        sweep.board.write(name, cells=len(cells), epoch=epoch, accuracy=accuracy)
        sweep.board.check()
        lease.check()

    try:
        history = train(list(cells.values()), data, on_epoch)
        ask = asking(next(iter(cells.values())), data)
        # As in training: stacks are side by side, and with more threads each they would only wait for each other.
        with threadpool_limits(1, "blas"):
            for column, run in enumerate(runs):
                finish(run, history, column, ask)
    except BaseException as error:
        status = "KILLED" if isinstance(error, Stopped | KeyboardInterrupt) else "FAILED"
        for run in runs:
            run.end(status, f"{type(error).__name__}: {error}")
        courier.deliver()
        if isinstance(error, Stopped):
            return Trained({"KILLED": len(runs)})
        raise
    undelivered, kept = hand_over(runs, client, sweep)
    return Trained(Counter(str(run.status) for run in runs), undelivered, kept)


def run_of(cell: Cell, key: str, sweep: Sweep, data: Dataset) -> CellRun:
    """The MLflow run of a cell that begins to train."""
    tags = {
        "mlflow.parentRunId": sweep.run_id,
        "sweep": sweep.run_id,
        "kind": "cell",
        "cell": key,
        "data": data.name,
        "data_requested": sweep.data_requested,
        **code_version(),
    }
    params = {name: str(value) for name, value in cell.params().items()}
    return CellRun(sweep.experiment_id, cell.name, tags, params, dataset_fields(data), sweep.planned)


def hand_over(runs: list[CellRun], client: MlflowClient, sweep: Sweep) -> tuple[str, bool]:
    """Deliver a stack's runs, or keep on disk what can't be delivered; `Trained` tells what is returned."""
    waiting = list(runs)
    try:
        finished = finished_since(client, sweep.experiment_id, sweep.planned)
        while waiting:
            waiting[0].give_way(finished)
            waiting[0].deliver(client)
            del waiting[0]
    except STORE_ERRORS as error:
        try:
            for run in waiting:
                outbox.keep(run, sweep.tracking_uri)
        except OSError as no_room:
            return one_line(no_room), False
        return one_line(error), True
    return "", True


def network_of(cell: Cell, data: Dataset) -> Network:
    settings = cell.network
    sizes = (data.train_images.shape[1], *settings.hidden, data.classes)
    return Network(sizes, settings.activation, settings.cost, settings.start)


def given_labels(cell: Cell, data: Dataset) -> np.ndarray:
    """The labels that a cell is trained on."""
    rng = generator(cell.seed, "corruption")
    return corrupt_labels(data.train_labels, cell.experiment.corruption.labels, cell.fraction, data.classes, rng)


def train(cells: list[Cell], data: Dataset, on_epoch: Callable[[int, dict[str, np.ndarray]], None]) -> History:
    """Train a stack's cells, each from its seed's start and on its own labels."""
    experiment = cells[0].experiment
    network = network_of(cells[0], data)
    given = np.stack([given_labels(cell, data) for cell in cells])
    own = experiment.order == "seed"
    orders = [generator(cell.seed, "order") for cell in cells] if own else generator(0, "order")
    return train_stack(
        network,
        Descent(**experiment.descent.model_dump()),
        [network.initialize(generator(cell.seed, "start")) for cell in cells],
        data,
        given,
        orders,
        experiment.evaluation_rows,
        experiment.stop_accuracy,
        on_epoch,
    )


def finish(run: CellRun, history: History, column: int, ask: Callable[[Parameters], dict[str, float]]) -> None:
    """Give a run its final figures, its weights and its end."""
    epochs = int(history.epochs[column])
    if history.diverged[column]:
        run.end("FAILED", f"diverged: the cost was not finite after epoch {epochs}")
        return
    parameters = history.parameters[column]
    run.record(epochs, final_figures(history, column) | ask(parameters))
    run.keep_weights(parameters)
    run.end("FINISHED")


def final_figures(history: History, column: int) -> dict[str, float]:
    """The gap between training and test accuracy, and when the training accuracy passed its milestones."""
    train_accuracy = history.metrics["train/accuracy"][:, column]
    last = history.epochs[column]
    figures = {"generalization_gap": train_accuracy[last] - history.metrics["test/accuracy"][last, column]}
    for milestone in ACCURACY_MILESTONES:
        if (reached := np.flatnonzero(train_accuracy >= milestone)).size:
            figures[f"epochs_to_{milestone}"] = float(reached[0])
    return figures


def asking(cell: Cell, data: Dataset) -> Callable[[Parameters], dict[str, float]]:
    """What measures how confident a trained network is on images that show nothing, the same ones for a whole stack."""
    network, noise = network_of(cell, data), cell.experiment.noise
    images = {kind: noise_images(kind, noise.count, data, generator(noise.seed, "noise")) for kind in noise.kinds}

    def answers(parameters: Parameters, asked: np.ndarray) -> np.ndarray:
        blocks = (asked[start : start + BLOCK_IMAGES] for start in range(0, len(asked), BLOCK_IMAGES))
        return np.concatenate([network.answers(parameters, scaled(block)) for block in blocks])

    def ask(parameters: Parameters) -> dict[str, float]:
        test_answers = answers(parameters, data.test_images)
        figures: dict[str, float] = {}
        for kind in images:
            measured = confidence(answers(parameters, images[kind]), test_answers)
            figures |= {f"noise/{kind}/{name}": value for name, value in measured.items()}
        return figures

    return ask
