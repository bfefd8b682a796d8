"""The flow: load the data, plan stacks, train each as one task, and sum the sweep up."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from mlflow import MlflowClient
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Failed, State
from prefect.task_runners import ProcessPoolTaskRunner

from flows import outbox
from flows.board import Board, board_of_sweep, stop_on_interrupt
from flows.errors import ConfigurationError
from flows.experiment import Cell, Experiment
from flows.liveness import heartbeat
from flows.owner import this_process
from flows.resume import begin_sweep, claimed, close_cells, fingerprint, interrupted_sweep, living_sweeps
from flows.runners import cores, processes
from flows.stacks import half_of_what_is_free, plan
from flows.tracking import (
    STORE_ERRORS,
    end_run,
    finished_cells,
    one_line,
    open_experiment,
    open_store,
    refused,
    tracking_uri,
)
from flows.training import Sweep, Trained, clean_data, train_cells
from mlp.data import DataUnavailable

# How long a sweep that has trained all waits for an MLflow that does not answer, and how often it asks.
PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 5.0

Planner = Callable[[dict[str, Cell]], list[dict[str, Cell]]]


@dataclass(frozen=True)
class Outcome:
    """What a sweep came to.

    Attributes
    ----------
    run_id : str or None
        The sweep's parent run; None where every cell was done before.
    counts : dict
        Cells by status, and those that this sweep did not have to train as ``done``.
    keys : list of str
        The keys of all cells that were asked for, in the order of the grid.
    """

    run_id: str | None
    counts: dict[str, int]
    keys: list[str]


def worth_another_try(task: Any, task_run: Any, state: State) -> bool:
    """Only a data set that could not be reached may be there a moment later."""
    return isinstance(state.result(raise_on_failure=False), DataUnavailable)


@task(retries=2, retry_delay_seconds=2, retry_condition_fn=worth_another_try, cache_policy=NO_CACHE)
def load(experiment: Experiment) -> dict[str, Cell]:
    """Fetch the data set into the cache, and give every cell its key; `auto` becomes the set that was found."""
    sets = {cell.rows: clean_data(cell) for cell in {cell.rows: cell for cell in experiment.cells()}.values()}
    found = experiment.data.model_copy(update={"name": next(iter(sets.values())).name})
    cells = experiment.model_copy(update={"data": found}).cells()
    return {cell.key(sets[cell.rows].digest): cell for cell in cells}


@task(cache_policy=NO_CACHE)
def train(cells: dict[str, Cell], name: str, sweep: Sweep) -> Trained:
    """Train one stack; see `flows.training.train_cells`."""
    return train_cells(cells, name, sweep)


@flow(name="sweep", task_runner=processes(cores()), validate_parameters=True)
def sweep(
    experiment: Experiment,
    force: bool = False,
    workers: int | None = None,
    memory: float | None = None,
    tracking_server: str | None = None,
) -> Any:
    """Train every cell of an experiment that is not done yet, and compare them across seeds.

    Parameters
    ----------
    experiment : Experiment
    force : bool
        Train cells again that are done.
    workers : int, optional
        Stacks that train at once; a core each by default.
    memory : float, optional
        Gigabytes that they may take together; half of what is free by default.
    tracking_server : str, optional
        MLflow's tracking URI; MLFLOW_TRACKING_URI or the folder `mlruns` by default.
    """
    uri = tracking_uri(tracking_server)
    into_stacks = partial(plan, workers=workers or cores(), memory=memory * 1e9 if memory else half_of_what_is_free())
    with board_of_sweep() as board, stop_on_interrupt(board):
        try:
            return run_to_the_end(experiment, force, into_stacks, uri, board)
        except (ConfigurationError, DataUnavailable) as error:
            return Failed(message=str(error))
        except BrokenExecutor:
            return Failed(message="a worker process was ended from outside; run it again to train what is missing")
        except STORE_ERRORS as error:
            return Failed(message=f"store: {uri} failed ({one_line(error)}); cells that had finished are safe")


def run_to_the_end(
    experiment: Experiment, force: bool, into_stacks: Planner, uri: str, board: Board
) -> Outcome | State:
    """Find what is missing, train it, and compare all cells of the sweep."""
    logger = get_run_logger()
    client = open_store(uri)
    cells = load(experiment)
    experiment_id = open_experiment(client, uri, experiment)
    outbox.send(client, uri)
    living_sweeps(client, experiment_id)  # closes what dead processes left open
    planned = int(time.time() * 1000)
    missing = cells if force else not_done(client, experiment_id, cells)
    board.write("sweep", cells=len(missing), done=len(cells) - len(missing), epochs=experiment.descent.epochs)
    if not missing and not interrupted_sweep(client, experiment_id, fingerprint(cells)):
        logger.info("All %d cells are done; nothing to train.", len(cells))
        return Outcome(None, {"done": len(cells)}, list(cells))

    run_id = begin_sweep(client, experiment_id, experiment, cells, anew=force)
    context = Sweep(uri, experiment_id, run_id, this_process(), planned, experiment.data.name, board)
    status = "FAILED"
    try:
        with heartbeat(client, run_id, board):
            counts, undelivered = train_missing(client, context, missing, force, into_stacks)
            counts["done"] += len(cells) - len(missing)
            if undelivered and not delivered_at_last(client, uri, board):
                return Failed(
                    message=f"tracking URI: {uri} could not be given all results ({undelivered}); they lie in "
                    f"{outbox.outbox()}, and `mlp sync` delivers them"
                )
            if counts["KILLED"]:
                status = "KILLED"
                return Cancelled(message=f"stopped; {counts['FINISHED']} cells had finished")
            # Imported now, when training does not wait for it.
            from flows.report import summarise

            patiently(lambda: summarise(client, experiment_id, run_id, experiment, cells), board)
            status = "FINISHED"
    finally:
        with suppress(*STORE_ERRORS):  # if the store is gone, the next sweep closes these runs
            close_cells(client, experiment_id, run_id)
            end_run(client, run_id, status)
    return Outcome(run_id, dict(counts), list(cells))


def not_done(client: MlflowClient, experiment_id: str, cells: dict[str, Cell]) -> dict[str, Cell]:
    """Those of some cells that no run has finished."""
    done = finished_cells(client, experiment_id)
    return {key: cell for key, cell in cells.items() if key not in done}


def train_missing(
    client: MlflowClient, context: Sweep, missing: dict[str, Cell], force: bool, into_stacks: Planner
) -> tuple[Counter, str]:
    """Train cells, but leave those to other living sweeps that these want too and began with first.

    Returns
    -------
    counts : Counter
        Cells by status.
    undelivered : str
        Why MLflow could not be given all results; empty if it was.
    """
    counts: Counter = Counter()
    undelivered = ""
    while missing:
        taken = {} if force else claimed(client, context.run_id, living_sweeps(client, context.experiment_id))
        ours = {key: cell for key, cell in missing.items() if key not in taken}
        missing = {key: cell for key, cell in missing.items() if key in taken}
        if ours:
            results = train_stacks(into_stacks(ours), context)
            if lost := next((result.undelivered for result in results if not result.kept), ""):
                raise OSError(lost)
            counts += sum((Counter(result.counts) for result in results), Counter())
            undelivered = next((result.undelivered for result in results if result.undelivered), undelivered)
        else:
            context.board.write("sweep", cells=len(missing), waiting=sorted(set(taken.values())))
            context.board.wait(PAUSE_SECONDS)
        if context.board.stopped():
            counts["KILLED"] += len(missing)
            break
        if missing:
            wanted = len(missing)
            missing = not_done(client, context.experiment_id, missing)
            counts["done"] += wanted - len(missing)
    return counts, undelivered


def train_stacks(stacks: list[dict[str, Cell]], context: Sweep) -> list[Trained]:
    """One task a stack; in this process if there is but one, and no cluster to train it."""
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    if len(stacks) == 1 and isinstance(flow_run.task_runner, ProcessPoolTaskRunner):
        return [train(stacks[0], "stack-0", context)]
    # Not the flow's own runner: the memory of these workers is free again when the comparison begins.
    with flow_run.task_runner.duplicate() as runner:
        tasks = [{"cells": stack, "name": f"stack-{i}", "sweep": context} for i, stack in enumerate(stacks)]
        futures = [runner.submit(train, parameters) for parameters in tasks]
        return [future.result() for future in futures]


def delivered_at_last(client: MlflowClient, uri: str, board: Board) -> bool:
    """Whether MLflow took what waits in the outbox before the patience ended."""

    def deliver() -> None:
        sent = outbox.send(client, uri)
        if sent.waiting:
            raise OSError(sent.reason)

    with suppress(*STORE_ERRORS):
        patiently(deliver, board)
        return True
    return False


def patiently(action: Callable[[], None], board: Board) -> None:
    """Do something with the store, again and again while the store can't be reached, for a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except STORE_ERRORS as error:
            if refused(error) or time.monotonic() > deadline or board.stopped():
                raise
        board.wait(PAUSE_SECONDS)
