"""One stack in MLflow: its training, here or in a worker process, and one run for each of its cells."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

from flows.plan.cell import Cell
from flows.store import outbox
from flows.store.cell_run import CellRun, MetricBuffer, finished_since
from flows.store.connection import connect
from flows.store.failures import STORE_ERRORS, shortened
from flows.store.runs import DESCRIPTION, code_version
from flows.sweep.liveness import Lease
from flows.sweep.processes import WorkerProcesses
from flows.sweep.progress import ProgressFolder, StackProgress, Stopped, no_turns
from flows.sweep.training import CellTrained, EpochEnded, Loaded, Report, train_cells
from mlp.data.corruption import CORRUPTED

MAX_WAIT = 30.0  # seconds for its turn to deliver the results of a stack; then it does not wait any longer


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


def track_stack(
    cells: dict[str, Cell], name: str, context: SweepContext, processes: WorkerProcesses | None = None
) -> Trained:
    """Train one stack and log one run for each cell.

    Parameters
    ----------
    cells : dict
        By cell key; all of one shape.
    name : str
        Of the stack, in the progress folder.
    processes : WorkerProcesses, optional
        Where it is trained. Default: in this process.
    """
    if context.progress.stopped():
        return Trained({"KILLED": len(cells)})
    with StackRuns(cells, name, context) as stack:
        try:
            task = list(cells.values()), context.progress
            if processes:
                processes.run(train_cells, *task, on_report=stack.take)
            else:
                train_cells(*task, stack.take)
        except Stopped as stopped:
            stack.give_up("KILLED", stopped)
            return Trained({"KILLED": len(cells)})
        except BaseException as error:
            stack.give_up("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED", error)
            raise
        stack.progress.enter("done")
        return Trained(Counter(str(run.status) for run in stack.runs), stack.undelivered, stack.kept)


class StackRuns(ExitStack):
    """The MLflow runs of the cells of a stack; a context in which the stack trains, and which ends its turn.

    Attributes
    ----------
    runs : list of CellRun
        One per cell, once the data are loaded.
    undelivered, kept
        Fields of `Trained`.
    """

    def __init__(self, cells: dict[str, Cell], name: str, context: SweepContext) -> None:
        super().__init__()
        self.cells, self.context, self.client = cells, context, connect(context.tracking_uri)
        self.lease = Lease(self.client, context.run_id, context.owner)
        self.progress = StackProgress(context.progress, name, cells.values())
        self.progress.enter("loading")
        self.runs: list[CellRun] = []
        # With MLflow's server or a file, two stacks at once take longer than one after the other; not with PostgreSQL.
        self.turn = no_turns if context.tracking_uri.startswith("postgresql") else context.progress.turn
        self.courier = MetricBuffer(self.client, self.runs, self.turn)
        self.finished: dict[str, str] = {}
        self.undelivered, self.kept = "", True

    def take(self, report: Report) -> None:
        """Log what a report says.

        Raises
        ------
        Stopped
            If the sweep does not want the stack any longer.
        """
        match report:
            case Loaded():
                self.runs += [begin_run(cell, key, self.context, report) for key, cell in self.cells.items()]
                self.progress.enter("training")
            case EpochEnded():
                self.courier.record(report.epoch, report.metrics, round(1000 * report.time))
                self.progress.record(report.epoch, report.metrics["test/accuracy"])
                self.lease.check()
            case CellTrained():
                if report.place == 0:
                    self.progress.enter("saving")
                    self.begin_to_finish()
                finish(self.runs[report.place], report)
                self.deliver(self.runs[report.place])

    def begin_to_finish(self) -> None:
        """Take the turn until the end of the stack, and look what other sweeps have finished in the meantime."""
        self.enter_context(self.turn(MAX_WAIT))
        try:
            self.finished = finished_since(self.client, self.context.experiment_id, self.context.planned)
        except STORE_ERRORS as error:
            self.undelivered = shortened(error)

    def deliver(self, run: CellRun) -> None:
        """Deliver a run that has ended. If MLflow does not take one, keep it and those that follow in the outbox."""
        if not self.undelivered:
            try:
                run.cancel_if_duplicate(self.finished)
                return run.deliver(self.client)
            except STORE_ERRORS as error:
                self.undelivered = shortened(error)
        if self.kept:
            try:
                outbox.keep(run, self.context.tracking_uri)
            except OSError as no_room:
                self.undelivered, self.kept = shortened(no_room), False

    def give_up(self, status: str, error: BaseException) -> None:
        """End the runs that have not ended, of a stack whose training was stopped, or has failed."""
        left = [run for run in self.runs if not run.status]
        for run in left:
            run.end(status, f"{type(error).__name__}: {error}")
        MetricBuffer(self.client, left, self.turn).deliver()


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
    """What a reader of the run's page must know first."""
    sizes = "-".join(map(str, loaded.sizes))
    share = f"{100 * cell.fraction:g} %" if cell.fraction else "none"
    labels = f"{share} of the training labels {CORRUPTED[cell.corruption.labels]}"
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
