"""One stack in MLflow: its training, here or in a worker process, and one run for each of its cells."""

import shutil
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Lock

from flows.plan.cell import Cell
from flows.plan.stacks import seconds_of, title
from flows.platform.paths import sqlite_file
from flows.store import outbox
from flows.store.cell_run import FINISHED_FIRST, CellRun, MetricBuffer
from flows.store.connection import connect
from flows.store.failures import STORE_ERRORS, refused, shortened
from flows.store.runs import DESCRIPTION, code_version, end_run, finished_since
from flows.sweep.events import CellTrained, EpochEnded, Loaded, StackBegan, StackEnded, StackEvent, StackState
from flows.sweep.ownership import Lease
from flows.sweep.processes import WorkerProcesses
from flows.sweep.progress import Progress, Stopped
from flows.sweep.training import emit_training
from mlp.data.corruption import LABEL_CORRUPTIONS
from mlp.measures.metrics import curve_metrics
from mlp.nn.weights import kept_epochs

POINT_BYTES = 250  # of a metric's value in SQLite: its row, its index, its share of the log
WEIGHT_BYTES, SNAPSHOT_BYTES = 4, 2  # float32, float16
# For what does not grow with the cells: the logs of the databases (4 MB each), the report and its figures.
RESERVE_BYTES = 10_000_000
MAX_WAIT = 30.0  # seconds for the lock to deliver the results of a stack; then it does not wait any longer


@dataclass(frozen=True)
class SweepContext:
    """The facts that every stack of a sweep must know about it, on whatever machine.

    Attributes
    ----------
    owner : str
        The process that runs it; see `flows.sweep.ownership`.
    planned : int
        When it found which cells were missing, in milliseconds since 1970.
    """

    tracking_uri: str
    experiment_id: str
    run_id: str
    owner: str
    planned: int
    data_requested: str


@dataclass(frozen=True)
class StackResult:
    """The result of a stack.

    Attributes
    ----------
    counts : dict
        Numbers of cells that ended as FINISHED, FAILED or KILLED.
    undelivered : str
        Why some of it could not be delivered to MLflow; empty if everything was.
    kept : bool
        True if the undelivered part is in the outbox; otherwise it is lost and must be trained again.
    state : StackState or None
        Its last state, which from a cluster comes home only now; None if it has not begun.
    """

    counts: dict[str, int]
    undelivered: str = ""
    kept: bool = True
    state: StackState | None = None


def track_stack(
    cells: dict[str, Cell],
    number: int,
    context: SweepContext,
    progress: Progress | None = None,
    processes: WorkerProcesses | None = None,
) -> StackResult:
    """Train one stack and log one run for each cell.

    Parameters
    ----------
    cells : dict
        By cell key; all of one shape.
    progress : Progress, optional
        That of the sweep, if this is its process. Default: one for this stack alone, on a cluster. A cluster repeats a
        task whose machine died, or was cut off and comes back: cells that have finished meanwhile are not trained, and
        of a cell that was finished twice the first run stays.
    processes : WorkerProcesses, optional
        Where it is trained. Default: in this process.
    """
    on_cluster, progress = progress is None, progress or Progress()
    if progress.stopping:
        return StackResult({"KILLED": len(cells)})
    if lack := lack_of_space(cells, context.tracking_uri):
        return StackResult({}, lack, kept=False)
    done: dict[str, list[str]] = {}
    if on_cluster:
        with suppress(*STORE_ERRORS):  # in an outage all cells are trained, and what is there twice is given up later
            done = finished_since(connect(context.tracking_uri), context.experiment_id, context.planned, cells)
    cells = {key: cell for key, cell in cells.items() if key not in done}
    if not cells:
        return StackResult({"FINISHED": len(done)})
    with StackRuns(cells, number, context, progress) as stack:
        try:
            if processes:
                processes.run(emit_training, cells, on_report=stack.take)
            else:
                emit_training(cells, stack.take)
        except Stopped as stopped:
            stack.give_up("KILLED", stopped)
            return StackResult({"KILLED": len(cells)})
        except BaseException as error:
            stack.give_up("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED", error)
            raise
        stack.take(StackEnded())
        if on_cluster:
            stack.give_up_duplicates()
        ends = ("FINISHED" if run.tags["cell"] in stack.finished else str(run.status) for run in stack.runs)
        counts = Counter(FINISHED=len(done)) + Counter(ends)
        return StackResult(counts, stack.undelivered, stack.kept, progress.state.by_number[number])


def bytes_of_results(cell: Cell) -> int:
    """Approximate size of a cell's curves, weights and snapshots in the store, in bytes."""
    epochs = cell.descent.epochs
    curves = POINT_BYTES * len(curve_metrics()) * (epochs + 1)
    return curves + (WEIGHT_BYTES + SNAPSHOT_BYTES * len(kept_epochs(epochs, cell.weights))) * cell.weights


def lack_of_space(cells: dict[str, Cell], tracking_uri: str) -> str:
    """Say why a local store has no space for the results of a stack; empty if it has, or a server keeps the store."""
    if not tracking_uri.startswith("sqlite"):
        return ""
    folder = sqlite_file(tracking_uri).parent
    wanted = RESERVE_BYTES + sum(bytes_of_results(cell) for cell in cells.values())
    free = shutil.disk_usage(folder).free
    return f"{free / 1e6:.0f} MB free in {folder}, a stack needs {wanted / 1e6:.0f}" if free < wanted else ""


class StackRuns(ExitStack):
    """The MLflow runs of the cells of a stack; a context in which the stack trains, and which ends its delivery.

    Attributes
    ----------
    runs : list of CellRun
        One per cell, once the data are loaded.
    undelivered, kept
        Fields of `StackResult`.
    """

    def __init__(self, cells: dict[str, Cell], number: int, context: SweepContext, progress: Progress) -> None:
        super().__init__()
        self.cells, self.number, self.context, self.progress = cells, number, context, progress
        self.client = connect(context.tracking_uri)
        self.lease = Lease(self.client, context.run_id, context.owner)
        self.runs: list[CellRun] = []
        # PostgreSQL takes the results of several stacks at once.
        self.delivery_lock = Lock() if context.tracking_uri.startswith("postgresql") else progress.delivery_lock
        self.buffer = MetricBuffer(self.client, self.runs, self.delivery_lock)
        self.finished: dict[str, list[str]] = {}  # cells that have finished elsewhere meanwhile
        self.undelivered, self.kept = "", True
        fractions = tuple(cell.fraction for cell in cells.values())
        self.take(StackBegan(title(cells.values(), with_fractions=False), fractions, seconds_of(cells.values())))

    def take(self, event: StackEvent) -> None:
        """Log what an event says, and pass it on.

        Raises
        ------
        Stopped
            If the sweep does not want the stack any longer.
        """
        self.progress.take(event, self.number)
        match event:
            case Loaded():
                self.runs += [begin_run(cell, key, self.context, event) for key, cell in self.cells.items()]
            case EpochEnded():
                self.buffer.record(event.epoch, event.metrics, round(1000 * event.time))
                self.progress.check()
                self.lease.check()
            case CellTrained():
                if event.index == 0:
                    self.begin_to_finish()
                finish(self.runs[event.index], event)
                self.deliver(self.runs[event.index])

    def begin_to_finish(self) -> None:
        """Keep the delivery lock until the end of the stack, and look which cells have finished elsewhere meanwhile."""
        if self.delivery_lock.acquire(timeout=MAX_WAIT):
            self.callback(self.delivery_lock.release)
        try:
            self.finished = finished_since(self.client, self.context.experiment_id, self.context.planned, self.cells)
        except STORE_ERRORS as error:
            self.undelivered = shortened(error)

    def deliver(self, run: CellRun) -> None:
        """Deliver a run that has ended. If MLflow does not take one, keep it and those that follow in the outbox.

        One that MLflow refuses for good, as somebody has deleted it, has failed, is kept too, and concerns no other.
        """
        aside = False
        if not self.undelivered:
            try:
                run.cancel_if_duplicate(self.finished)
                return run.deliver(self.client)
            except STORE_ERRORS as error:
                aside = refused(error)
                self.undelivered = "" if aside else shortened(error)
        if self.kept:
            try:
                outbox.keep(run, self.context.tracking_uri, aside=aside)
            except OSError as disk_full:
                self.undelivered, self.kept = shortened(disk_full), False
        if aside:
            run.status = "FAILED"

    def give_up_duplicates(self) -> None:
        """Give up the later runs of cells that were finished twice, as this stack delivered while another one did."""
        with suppress(*STORE_ERRORS):
            finished = finished_since(self.client, self.context.experiment_id, self.context.planned, self.cells)
            for first, *later in finished.values():
                for run_id in later:
                    end_run(self.client, run_id, "KILLED", f"{FINISHED_FIRST} {first}")

    def give_up(self, status: str, error: BaseException) -> None:
        """End the runs that have not ended, of a stack whose training was stopped, or has failed."""
        left = [run for run in self.runs if not run.status]
        for run in left:
            run.end(status, f"{type(error).__name__}: {error}")
        MetricBuffer(self.client, left, self.delivery_lock).deliver()


def begin_run(cell: Cell, key: str, context: SweepContext, loaded: Loaded) -> CellRun:
    """The run of a cell that begins to train."""
    tags = {
        "mlflow.parentRunId": context.run_id,
        "sweep": context.run_id,
        "kind": "cell",
        "cell": key,
        "data": loaded.data["name"],
        "test_images": str(loaded.test_images),
        "data_requested": context.data_requested,
        DESCRIPTION: description(cell, loaded),
        **code_version(),
    }
    params = {name: str(value) for name, value in cell.params().items()}
    return CellRun(context.experiment_id, cell.name, tags, params, loaded.data, context.planned)


def description(cell: Cell, loaded: Loaded) -> str:
    """The first thing that a reader of the run's page must know."""
    sizes = "-".join(map(str, loaded.sizes))
    share = f"{100 * cell.fraction:g} %" if cell.fraction else "none"
    labels = f"{share} of the training labels {LABEL_CORRUPTIONS[cell.corruption.labels].word}"
    return f"One network, {sizes}, trained on {loaded.data['name']} with seed {cell.seed}; {labels}."


def finish(run: CellRun, trained: CellTrained) -> None:
    """Add the final metrics, the weights and their snapshots to the run of a cell, and end it."""
    ended = round(1000 * trained.time)
    if trained.diverged:
        return run.end("FAILED", f"diverged: the cost was not finite after epoch {trained.epochs}", ended)
    run.parameters, run.snapshots = trained.parameters, trained.snapshots
    # Without a step MLflow draws a figure as a bar; with one, as a curve of a single point.
    run.record(0, trained.metrics)
    return run.end("FINISHED", moment=ended)
