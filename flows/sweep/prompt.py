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
from flows.platform.paths import tracking_uri
from flows.platform.servers import start_prefect_server, wait_for_prefect
from flows.platform.temporary import temporary_files_in_store
from flows.store.glance import count_finished
from flows.sweep.display import Preparation, SweepProgress, showing
from flows.sweep.interrupts import all_end_signals_interrupt, stop_on_interrupt
from flows.sweep.processes import started_ahead
from flows.sweep.progress import new_progress
from flows.sweep.resources import resources_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from flows.sweep.standing import Outcome


@temporary_files_in_store()
def run_sweep(
    experiment: Experiment,
    force: bool,
    workers: int | None,
    memory: float | None,
    tracking_server: str | None,
    console: Console,
    runner: str = "processes",
    address: str | None = None,
) -> int:
    """Run a sweep and print its comparison.

    Parameters
    ----------
    runner : {"processes", "dask", "ray"}
        Where stacks train.
    address : str, optional
        Address of the Dask or Ray cluster.

    Returns
    -------
    int
        Exit code: 0, 1 if a cell failed, 130 if it was interrupted.

    Raises
    ------
    ConfigurationError
        If the store or the data set is not available; nothing has been written to MLflow then.
    """
    cells, uri = experiment.cells(), tracking_uri(tracking_server)
    # Where all cells seem to be done, nothing is started before that turns out to be wrong.
    looks_done = not force and count_finished(uri, experiment.name) >= len(cells)
    ahead = nullcontext() if looks_done or runner != "processes" else workers_ahead(cells, workers, memory)
    with all_end_signals_interrupt(), ahead:
        try:
            preparation = Preparation("Starting Prefect's server, opening the store, loading the data")
            with showing(preparation, console):
                # It takes seconds to start, as workers do; meanwhile this process opens the store and loads the data.
                server = None if looks_done else start_prefect_server()
                client = open_and_load(experiment, uri, console)
                outcome: Outcome | int | None = None if force else nothing_to_train(client, uri, experiment)
                if outcome is None:
                    server = server or start_prefect_server()
                    prepare_flow(experiment, uri, runner, address)
                    wait_for_prefect(server, preparation.change)
                    announce(client, experiment, console)
        except KeyboardInterrupt:
            console.print("[yellow]stopped[/]; nothing was trained.")
            return 130
        with without_heartbeats() if server else nullcontext():
            outcome = outcome or train(experiment, force, workers, memory, uri, console, runner, address)
        return outcome if isinstance(outcome, int) else conclude(experiment, outcome, uri, console)


def workers_ahead(cells: list[Cell], workers: int | None, memory: float | None) -> AbstractContextManager[None]:
    """Have the workers start now that the sweep would need if all cells were missing; a single stack needs none."""
    resources = resources_of(workers, memory)
    stacks = plan({str(i): cell for i, cell in enumerate(cells)}, resources.workers, resources.memory)
    return started_ahead(min(resources.workers, len(stacks))) if len(stacks) > 1 else nullcontext()


def prepare_flow(experiment: Experiment, uri: str, runner: str, address: str | None) -> None:
    """Import the flow, which takes seconds, while Prefect's server starts, and check the cluster if there is one."""
    import flows.sweep.flow  # noqa: F401
    from flows.sweep.cluster import check_cluster

    if runner != "processes":
        check_cluster(runner, address, uri, experiment.name)


def without_heartbeats() -> AbstractContextManager[object]:
    """Have Prefect send no heartbeats: its flow would wait for their thread up to a second, and nobody reads them."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


def train(
    experiment: Experiment,
    force: bool,
    workers: int | None,
    memory: float | None,
    uri: str,
    console: Console,
    runner: str,
    address: str | None,
) -> "Outcome | int":
    """Run the flow, and show its progress; where it does not end well, print why and return the exit code, not 0."""
    from httpx import HTTPError
    from prefect.exceptions import CancelledRun, FailedRun

    from flows.store.failures import shortened
    from flows.sweep.cluster import cluster
    from flows.sweep.flow import sweep

    with new_progress() as progress, stop_on_interrupt(progress):
        # What Prefect logs with a traceback is reported in one line here, and errors of tasks as those of the flow.
        logging.getLogger("prefect.flow_runs").addFilter(
            lambda record: not (record.exc_info and isinstance(record.exc_info[1], HTTPError))
        )
        logging.getLogger("prefect.task_runs").addFilter(lambda record: record.levelno < logging.ERROR)
        where = {} if runner == "processes" else {"task_runner": cluster(runner, address)}
        try:
            with showing(SweepProgress(progress.read), console):
                outcome: Any = sweep.with_options(**where)(experiment, force, workers, memory, uri)
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


def open_and_load(experiment: Experiment, uri: str, console: Console) -> "MlflowClient":
    """Open the store and load the data, so that errors are reported before a flow starts."""
    from flows.plan.preparation import clean_data
    from flows.store.connection import open_store
    from mlp.data.sets import DataFallback, DataUnavailable

    client = open_store(uri)
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
    return client


def nothing_to_train(client: "MlflowClient", uri: str, experiment: Experiment) -> "Outcome | None":
    """The outcome if all cells are done, for which no flow has to run; None if some are missing."""
    from flows.plan.preparation import keyed_cells
    from flows.store.failures import STORE_ERRORS
    from flows.sweep.standing import look_up, outcome_of_complete

    with suppress(*STORE_ERRORS):  # if the store has failed, the flow says so
        if client.get_experiment_by_name(experiment.name):
            cells = keyed_cells(experiment)
            standing = look_up(client, uri, experiment, cells, force=False)
            if standing.complete:
                return outcome_of_complete(client, standing, experiment, cells)
    return None


def announce(client: "MlflowClient", experiment: Experiment, console: Console) -> None:
    """Print where the charts of an experiment can be seen while it trains."""
    from flows.report.charts import print_charts
    from flows.store.experiments import open_experiment
    from flows.store.failures import STORE_ERRORS

    with suppress(*STORE_ERRORS):  # if the store has failed, the flow says so
        print_charts(client, open_experiment(client, experiment), console)


def conclude(experiment: Experiment, outcome: "Outcome", uri: str, console: Console) -> int:
    """Print the comparison and what to type next."""
    from flows.report.result import print_result
    from flows.store.connection import open_store

    counts = outcome.counts
    if done := counts.get("done"):
        console.print(f"{done} cells were done before{'; nothing to train' if len(counts) == 1 else ''}.")
    if failed := counts.get("FAILED"):
        console.print(f"[red]{failed} cells failed[/]; their runs in MLflow say why.")
    print_result(open_store(uri), experiment, outcome.keys, outcome.run_id, console)
    return 1 if failed else 0
