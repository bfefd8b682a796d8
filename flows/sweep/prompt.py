"""A sweep at the prompt: start Prefect's server, show the progress, print the comparison.

MLflow and Prefect, whose imports take seconds, are imported in the functions that use them, while Prefect's server and
the workers start.
"""

import logging
import warnings
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.stacks import plan
from flows.platform.servers import start_prefect_server, wait_for_prefect
from flows.platform.temporary import temporary_files_in_store
from flows.store.glance import count_finished
from flows.sweep.display import Preparation, SweepProgress, showing
from flows.sweep.interrupts import all_end_signals_interrupt, stop_on_interrupt
from flows.sweep.options import SweepOptions
from flows.sweep.processes import WorkerProcesses
from flows.sweep.progress import Prepared, Progress, preparing

if TYPE_CHECKING:
    from flows.sweep.status import Outcome, SweepStatus


@temporary_files_in_store()
def run_sweep(experiment: Experiment, options: SweepOptions, console: Console) -> int:
    """Run a sweep and print its comparison.

    Returns
    -------
    int
        Exit code: 0, 1 if a cell failed, 130 if it was interrupted.

    Raises
    ------
    ConfigurationError
        If the store or the data set is not available; nothing has been written to MLflow then.
    """
    cells = experiment.cells()
    # Where all cells seem to be done, nothing is started before that turns out to be wrong.
    looks_done = not options.force and count_finished(options.uri, experiment.name) >= len(cells)
    with all_end_signals_interrupt(), WorkerProcesses(options.worker_count) as processes:
        try:
            preparation = Preparation("Starting Prefect's server, opening the store, loading the data")
            with showing(preparation, console):
                if not looks_done and options.runner == "processes":
                    processes.start(workers_needed(cells, options))
                # It takes seconds to start, as workers do; meanwhile this process finds the missing cells.
                server = None if looks_done else start_prefect_server()
                status, outcome = open_and_look_up(experiment, options, console)
                if not outcome:
                    server = server or start_prefect_server()
                    prepare_flow(experiment, options)
                    wait_for_prefect(server, preparation.change)
                    announce(experiment, options, console)
        except KeyboardInterrupt:
            console.print("[yellow]stopped[/]; nothing was trained.")
            return 130
        if not outcome:
            with without_heartbeats() if server else nullcontext():
                ended = run_flow(experiment, options, Prepared(Progress(), status, processes), console)
            if isinstance(ended, int):
                return ended
            outcome = ended
        return conclude(experiment, outcome, options, console)


def workers_needed(cells: list[Cell], options: SweepOptions) -> int:
    """Number of workers that would train if all cells were missing; a single stack needs none."""
    stacks = plan({str(i): cell for i, cell in enumerate(cells)}, options.worker_count, options.bytes)
    return min(options.worker_count, len(stacks)) if len(stacks) > 1 else 0


def open_and_look_up(
    experiment: Experiment, options: SweepOptions, console: Console
) -> "tuple[SweepStatus | None, Outcome | None]":
    """Open the store, load the data and find the missing cells, so that errors are reported before a flow starts.

    Returns
    -------
    status : SweepStatus or None
        None if the store has failed: the flow says so.
    outcome : Outcome or None
        If all cells are done, for which no flow has to run.
    """
    from flows.plan.preparation import clean_data
    from flows.store.connection import open_store
    from flows.store.failures import STORE_ERRORS
    from flows.sweep.status import look_up
    from mlp.data.sets import DataFallback, DataUnavailable

    client = open_store(options.uri)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            data = clean_data(experiment.cells()[0])
        except (DataUnavailable, ValueError) as error:
            raise ConfigurationError(f"data: {error}") from None
    for warning in caught:
        console.print(f"[yellow]warning:[/] {warning.message}")
    warnings.simplefilter("ignore", DataFallback)  # reported once is enough
    images = f"{len(data.train_labels):,} images to train on, {len(data.test_labels):,} to test on"
    console.print(f"{data.name}: {images}", highlight=False)
    with suppress(*STORE_ERRORS):
        status = look_up(client, experiment, force=options.force)
        return status, status.outcome(client) if status.complete else None
    return None, None


def prepare_flow(experiment: Experiment, options: SweepOptions) -> None:
    """Import the flow, which takes seconds, while Prefect's server starts, and check the cluster if there is one."""
    import flows.sweep.flow  # noqa: F401
    from flows.sweep.cluster import check_cluster

    if options.runner != "processes":
        check_cluster(options.runner, options.address, options.uri, experiment.name)


def without_heartbeats() -> AbstractContextManager[object]:
    """Have Prefect send no heartbeats: its flow would wait for their thread up to a second, and nobody reads them."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


def announce(experiment: Experiment, options: SweepOptions, console: Console) -> None:
    """Print where the charts of an experiment can be seen while it trains."""
    from flows.report.charts import print_charts
    from flows.store.connection import connect
    from flows.store.experiments import open_experiment
    from flows.store.failures import STORE_ERRORS

    client = connect(options.uri)
    with suppress(*STORE_ERRORS):  # if the store has failed, the flow says so
        print_charts(client, open_experiment(client, experiment), console)


def run_flow(experiment: Experiment, options: SweepOptions, prepared: Prepared, console: Console) -> "Outcome | int":
    """Run the flow, and show its progress; where it does not end well, print why and return the exit code, not 0."""
    from httpx import HTTPError
    from prefect.exceptions import CancelledRun, FailedRun

    from flows.store.failures import shortened
    from flows.sweep.cluster import cluster
    from flows.sweep.flow import sweep

    with preparing(prepared), stop_on_interrupt(prepared.progress):
        # What Prefect logs with a traceback is reported in one line here, and errors of tasks as those of the flow.
        logging.getLogger("prefect.flow_runs").addFilter(
            lambda record: not (record.exc_info and isinstance(record.exc_info[1], HTTPError))
        )
        logging.getLogger("prefect.task_runs").addFilter(lambda record: record.levelno < logging.ERROR)
        where = {} if options.runner == "processes" else {"task_runner": cluster(options.runner, options.address)}
        flow, parameters = sweep.with_options(**where), (options.force, options.workers, options.memory, options.uri)
        try:
            with showing(SweepProgress(prepared.progress), console):
                outcome: Any = flow(experiment, *parameters)
                return outcome
        except CancelledRun as stopped:
            console.print(f"[yellow]{stopped}[/]; run the same command again to train the others.")
            return 130
        except FailedRun as failed:
            console.print(f"[red]mlp:[/] {escape(str(failed))}", soft_wrap=True)
            return 1
        except KeyboardInterrupt:
            console.print("[yellow]stopped at once[/]; run the same command again to train what is missing.")
            return 130
        except HTTPError as error:
            console.print(
                f"[red]mlp:[/] Prefect's server failed ({escape(shortened(error))}), its log says why; "
                "finished cells are safe",
                soft_wrap=True,
            )
            return 1


def conclude(experiment: Experiment, outcome: "Outcome", options: SweepOptions, console: Console) -> int:
    """Print the comparison and what to type next."""
    from flows.report.result import print_result
    from flows.store.connection import connect

    counts = outcome.counts
    if done := counts.get("done"):
        console.print(f"{done} cells were done before{'; nothing to train' if len(counts) == 1 else ''}.")
    if failed := counts.get("FAILED"):
        console.print(f"[red]{failed} cells failed[/]; their runs in MLflow say why.")
    print_result(connect(options.uri), experiment, outcome.keys, outcome.run_id, console)
    return 1 if failed else 0
