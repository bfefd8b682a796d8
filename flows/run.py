"""One sweep at one prompt: Prefect's server beside it, its progress on the screen, its comparison at the end."""

import logging
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from flows.board import Board, new_board, stop_on_interrupt
from flows.errors import ConfigurationError
from flows.experiment import Experiment
from flows.service import start_prefect_server, wait_for_prefect


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
    """Run a sweep and print its table.

    Parameters
    ----------
    runner : {"processes", "dask", "ray"}
        Where stacks train.
    address : str, optional
        Of the Dask or Ray cluster.

    Returns
    -------
    int
        Exit code: 0, 1 if a cell failed, 130 if it was interrupted.

    Raises
    ------
    ConfigurationError
        Before anything is written to MLflow, if the store or the data set can't be had.
    """
    try:
        with console.status("Starting Prefect's server, opening the store, loading the data …"):
            start_prefect_server()
            # Prefect's server takes some seconds to start; what follows until it is waited for costs no time.
            uri = open_and_load(experiment, tracking_server, console)
            from prefect.exceptions import CancelledRun, FailedRun, PrefectHTTPStatusError

            from flows.runners import check_cluster, cluster, cores, processes
            from flows.sweep import sweep
            from flows.tracking import one_line

            if runner != "processes":
                check_cluster(runner, address, uri, experiment.name)
            wait_for_prefect()
    except KeyboardInterrupt:
        console.print("[yellow]stopped[/]; nothing was trained.")
        return 130
    with new_board() as board, stop_on_interrupt(board):
        # Of its server's failures Prefect logs the whole traceback; here they are told in a line.
        logging.getLogger("prefect.flow_runs").addFilter(
            lambda record: not (record.exc_info and isinstance(record.exc_info[1], PrefectHTTPStatusError))
        )
        workers = workers or cores()
        task_runner = processes(workers) if runner == "processes" else cluster(runner, address)
        try:
            with progress(board, console):
                outcome = sweep.with_options(task_runner=task_runner)(experiment, force, workers, memory, uri)
        except CancelledRun as stopped:
            console.print(f"[yellow]{stopped}[/]; run the same command again to train the others.")
            return 130
        except FailedRun as failed:
            console.print(f"[red]mlp:[/] {escape(str(failed))}", soft_wrap=True)
            return 1
        except PrefectHTTPStatusError as error:
            console.print(
                f"[red]mlp:[/] Prefect's server failed ({escape(one_line(error))}), its log tells why; "
                "cells that had finished are safe",
                soft_wrap=True,
            )
            return 1
    return conclude(experiment, outcome, uri, console)


def open_and_load(experiment: Experiment, tracking_server: str | None, console: Console) -> str:
    """Find what is wrong with the store and the data before a flow starts, and warm the data set's cache."""
    from flows.tracking import open_store, tracking_uri
    from flows.training import clean_data
    from mlp.data import DataFallback, DataUnavailable

    uri = tracking_uri(tracking_server)
    open_store(uri)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            data = clean_data(experiment.cells()[0])
        except (DataUnavailable, ValueError) as error:
            raise ConfigurationError(f"data: {error}") from None
    for warning in caught:
        console.print(f"[yellow]warning:[/] {warning.message}")
    warnings.simplefilter("ignore", DataFallback)  # told once is enough
    console.print(f"{data.name}: {len(data.train_labels):,} images to train on, {len(data.test_labels):,} to test on")
    return uri


def conclude(experiment: Experiment, outcome, uri: str, console: Console) -> int:
    """Print the comparison and what to type next."""
    from flows import report
    from flows.tracking import open_store

    counts = outcome.counts
    if done := counts.get("done"):
        console.print(f"{done} cells were done before{'' if outcome.run_id else '; nothing to train'}.")
    if failed := counts.get("FAILED"):
        console.print(f"[red]{failed} cells failed[/]; their runs in MLflow say why.")
    report.announce(open_store(uri), experiment.name, outcome.keys, outcome.run_id, console)
    return 1 if failed else 0


@contextmanager
def progress(board: Board, console: Console) -> Iterator[None]:
    """Show cells, epochs, test accuracy and the time left while a sweep runs."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console,
        transient=True,
    )  # fmt: skip
    over = threading.Event()
    with bar:
        watcher = threading.Thread(target=watch, args=(board, bar, over), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def watch(board: Board, bar: Progress, over: threading.Event) -> None:
    task = bar.add_task("planning", total=None)
    started = None
    while not over.wait(0.25):
        states = board.read()
        if not (plan := states.pop("sweep", None)):
            continue
        total = plan["cells"] * plan["epochs"]
        trained = sum(state["cells"] * state["epoch"] for state in states.values())
        started = started or time.monotonic()
        bar.update(task, total=total, completed=trained, description=describe(plan, states))


def describe(plan: dict, states: dict) -> str:
    """One line on where a sweep is."""
    if waiting := plan.get("waiting"):
        return f"waiting for {plan['cells']} cells that another sweep trains (run {waiting[0]})"
    if not states:
        return f"{plan['cells']} cells to train, {plan['done']} done before"
    epochs = sorted({state["epoch"] for state in states.values()})
    at = "–".join(str(epoch) for epoch in dict.fromkeys((epochs[0], epochs[-1])))
    measured = [state["accuracy"] for state in states.values() if state["accuracy"] is not None]
    accuracy = f", test accuracy {sum(measured) / len(measured):.1%}" if measured else ""
    begun = sum(state["cells"] for state in states.values())
    return f"{begun} of {plan['cells']} cells, epoch {at} of {plan['epochs']}{accuracy}"
