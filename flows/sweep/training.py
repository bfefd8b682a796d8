"""One stack: cells in, finished MLflow runs out. Plain functions, which run inside a Prefect task."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mlflow import MlflowClient
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from flows.plan.cell import Cell
from flows.plan.preparation import given_labels, load_data, network_of
from flows.store import outbox
from flows.store.cell_run import CellRun, Courier, Turn, finished_since
from flows.store.connection import connect
from flows.store.failures import STORE_ERRORS, shortened
from flows.store.runs import DESCRIPTION, code_version, dataset_fields
from flows.sweep.liveness import Lease
from flows.sweep.progress import ProgressFolder, StackProgress, Stopped, no_turns
from mlp.confidence import confidence_on_noise, noise_images
from mlp.corruption import CORRUPTED
from mlp.data import Dataset
from mlp.descent import Descent
from mlp.engine.stack import History, train_stack
from mlp.metrics import final_metrics
from mlp.network import Parameters
from mlp.randomness import generator
from mlp.snapshots import kept_epochs

LONGEST_WAIT = 30.0  # seconds for its turn to deliver the results of a stack; then it does not wait any longer


@dataclass(frozen=True)
class SweepContext:
    """What every stack of a sweep must know about it.

    Attributes
    ----------
    owner : str
        The process that runs it; see `flows.sweep.liveness`.
    planned : int
        When it found which cells were missing, in milliseconds since 1970.
    """

    tracking_uri: str
    experiment_id: str
    run_id: str
    owner: str
    planned: int
    data_requested: str
    progress: ProgressFolder


@dataclass(frozen=True)
class Trained:
    """The result of a stack.

    Attributes
    ----------
    counts : dict
        How many cells ended as FINISHED, FAILED or KILLED.
    undelivered : str
        Why some of it could not be delivered to MLflow; empty if everything was.
    kept : bool
        Whether the undelivered part is in the outbox; otherwise it is lost and must be trained again.
    """

    counts: dict[str, int]
    undelivered: str = ""
    kept: bool = True


def train_cells(cells: dict[str, Cell], name: str, context: SweepContext) -> Trained:
    """Train one stack and log one run for each cell.

    Parameters
    ----------
    cells : dict
        By cell key; all of one shape.
    name : str
        Of the stack, in the progress folder.
    """
    if context.progress.stopped():
        return Trained({"KILLED": len(cells)})
    progress = StackProgress(context.progress, name, cells.values())
    progress.enter("loading")
    client = connect(context.tracking_uri)
    lease = Lease(client, context.run_id, context.owner)
    data = load_data(next(iter(cells.values())))
    runs = [begin_run(cell, key, context, data) for key, cell in cells.items()]
    # With MLflow's server or a file, two stacks at once take longer than one after the other; not with PostgreSQL.
    turn = no_turns if context.tracking_uri.startswith("postgresql") else context.progress.turn
    courier = Courier(client, runs, turn)

    def on_epoch(epoch: int, metrics: dict[str, NDArray]) -> None:
        courier.record(epoch, metrics)
        progress.record(epoch, metrics["test/accuracy"])
        context.progress.check()
        lease.check()

    try:
        progress.enter("training")
        history = train(list(cells.values()), data, on_epoch)
        progress.enter("saving")
        final = final_measure(next(iter(cells.values())), data)
        # As in training: more BLAS threads would only wait for each other and for those of other stacks.
        with threadpool_limits(1, "blas"):
            for column, run in enumerate(runs):
                finish(run, history, column, final)
    except BaseException as error:
        status = "KILLED" if isinstance(error, Stopped | KeyboardInterrupt) else "FAILED"
        for run in runs:
            run.end(status, f"{type(error).__name__}: {error}")
        courier.deliver()
        if isinstance(error, Stopped):
            return Trained({"KILLED": len(runs)})
        raise
    undelivered, kept = deliver(runs, client, context, turn)
    progress.enter("done")
    return Trained(Counter(str(run.status) for run in runs), undelivered, kept)


def begin_run(cell: Cell, key: str, context: SweepContext, data: Dataset) -> CellRun:
    """The run of a cell that begins to train."""
    tags = {
        "mlflow.parentRunId": context.run_id,
        "sweep": context.run_id,
        "kind": "cell",
        "cell": key,
        "data": data.name,
        "test_images": str(len(data.test_labels)),
        "data_requested": context.data_requested,
        DESCRIPTION: description(cell, data),
        **code_version(),
    }
    params = {name: str(value) for name, value in cell.params().items()}
    return CellRun(context.experiment_id, cell.name, tags, params, dataset_fields(data), context.planned)


def description(cell: Cell, data: Dataset) -> str:
    """What a reader of the run's page must know first."""
    sizes = "-".join(map(str, network_of(cell, data).sizes))
    share = f"{100 * cell.fraction:g} %" if cell.fraction else "none"
    labels = f"{share} of the training labels {CORRUPTED[cell.experiment.corruption.labels]}"
    return f"One network, {sizes}, trained on {data.name} with seed {cell.seed}; {labels}."


def train(cells: list[Cell], data: Dataset, on_epoch: Callable[[int, dict[str, NDArray]], None]) -> History:
    """Train the cells of a stack, each with its own descent, from the start of its seed and on its own labels."""
    experiment = cells[0].experiment
    networks = [network_of(cell, data) for cell in cells]
    given = np.stack([given_labels(cell, data) for cell in cells])
    own = experiment.order == "seed"
    orders = [generator(cell.seed, "order") for cell in cells] if own else generator(0, "order")
    return train_stack(
        networks[0],
        [Descent(**cell.experiment.descent.model_dump()) for cell in cells],
        [network.initialize(generator(cell.seed, "start")) for network, cell in zip(networks, cells, strict=True)],
        data,
        given,
        orders,
        cells[0].evaluation_rows,
        experiment.stop_accuracy,
        on_epoch,
        kept_epochs(max(cell.experiment.descent.epochs for cell in cells), networks[0].parameter_count),
        [generator(cell.seed, "dropout") for cell in cells],
    )


def final_measure(cell: Cell, data: Dataset) -> Callable[[Parameters], dict[str, float]]:
    """A function that measures the confidence of a trained network on noise: on the same images for a whole stack."""
    network, noise = network_of(cell, data), cell.experiment.noise
    images = {kind: noise_images(kind, noise.count, data, generator(noise.seed, "noise")) for kind in noise.kinds}
    return lambda parameters: confidence_on_noise(network, parameters, images, data.test_images)


def finish(run: CellRun, history: History, column: int, final: Callable[[Parameters], dict[str, float]]) -> None:
    """Add the final metrics, the weights and their snapshots to the run of a cell, and end it."""
    epochs = int(history.epochs[column])
    if history.diverged[column]:
        run.end("FAILED", f"diverged: the cost was not finite after epoch {epochs}")
        return
    run.parameters, run.snapshots = history.parameters[column], history.snapshots[column]
    curves = {name: values[:, column] for name, values in history.metrics.items()}
    # Without a step MLflow draws a figure as a bar; with one, as a curve of a single point.
    run.record(0, final_metrics(curves) | final(run.parameters))
    run.end("FINISHED")


def deliver(runs: list[CellRun], client: MlflowClient, context: SweepContext, turn: Turn) -> tuple[str, bool]:
    """Deliver the runs of a stack, or keep on disk what can't be delivered; returns the last fields of `Trained`."""
    waiting = list(runs)
    try:
        with turn(LONGEST_WAIT):
            finished = finished_since(client, context.experiment_id, context.planned)
            while waiting:
                waiting[0].give_way(finished)
                waiting[0].deliver(client)
                del waiting[0]
    except STORE_ERRORS as error:
        try:
            for run in waiting:
                outbox.keep(run, context.tracking_uri)
        except OSError as no_room:
            return shortened(no_room), False
        return shortened(error), True
    return "", True
