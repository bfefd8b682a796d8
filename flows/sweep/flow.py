"""The flow: load the data, plan the stacks, train each as one task, and compare the result."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, suppress
from threading import Timer
from typing import Any

from mlflow import MlflowClient
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.futures import as_completed
from prefect.runtime import flow_run, task_run
from prefect.states import Cancelled, Completed, Failed, State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.preparation import keyed_cells
from flows.plan.stacks import plan, title, total_seconds
from flows.platform.health import without_login
from flows.platform.identity import this_process
from flows.platform.paths import tracking_uri
from flows.report import charts
from flows.report.prefect_pages import is_news, show_progress
from flows.store import outbox
from flows.store.artifacts import not_done
from flows.store.connection import open_store
from flows.store.failures import STORE_ERRORS, refused, shortened
from flows.store.runs import end_run
from flows.sweep.interrupts import stop_on_interrupt
from flows.sweep.liveness import heartbeat
from flows.sweep.ownership import begin_sweep, claimed, close_cells, living_sweeps
from flows.sweep.processes import WorkerProcesses, worker_processes
from flows.sweep.progress import ProgressFolder, StackProgress, current_progress
from flows.sweep.resources import Resources, resources_of
from flows.sweep.room import lack_of_room
from flows.sweep.standing import Outcome, look_up, outcome_of_complete
from flows.sweep.tracking import SweepContext, Trained, track_stack
from mlp.data.sets import DataUnavailable

BUSY_SECONDS = 3.0  # of a sweep's process at the beginning, when it starts the stacks and makes their runs
# How long a sweep whose training is done waits for MLflow to answer, and how often it tries.
PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 5.0


def worth_a_retry(task: Any, task_run: Any, state: State) -> bool:
    """Whether the data set could not be reached; nothing else is better a moment later."""
    return isinstance(state.result(raise_on_failure=False), DataUnavailable)


@task(retries=2, retry_delay_seconds=2, retry_condition_fn=worth_a_retry, cache_policy=NO_CACHE)
def load(experiment: Experiment) -> dict[str, Cell]:
    """Fetch the data set into the cache; see `flows.plan.preparation.keyed_cells`."""
    return keyed_cells(experiment)


def stack_title() -> str:
    """The name of a task on Prefect's pages."""
    return title(task_run.parameters["cells"].values())


@task(task_run_name=stack_title, cache_policy=NO_CACHE)
def train_stack(
    cells: dict[str, Cell], name: str, context: SweepContext, processes: WorkerProcesses | None = None
) -> Trained:
    """Train one stack, in a worker process if there are some; see `flows.sweep.tracking.track_stack`."""
    StackProgress(context.progress, name, cells.values()).enter("starting")
    if lack := lack_of_room(cells, context.tracking_uri):
        return Trained({}, lack, kept=False)
    return track_stack(cells, name, context, processes)


def sweep_title() -> str:
    """The name of a flow run on Prefect's pages: ``shuffle: 50 cells``."""
    experiment = flow_run.parameters["experiment"]
    return f"{experiment.name}: {len(experiment.cells())} cells"


@flow(name="sweep", flow_run_name=sweep_title, validate_parameters=True)
def sweep(
    experiment: Experiment,
    force: bool = False,
    workers: int | None = None,
    memory: float | None = None,
    tracking_server: str | None = None,
) -> Outcome | State:
    """Train every cell of an experiment that is not done yet, and compare them across seeds.

    Parameters
    ----------
    experiment : Experiment
    force : bool
        Train cells again that are done.
    workers : int, optional
        Stacks that train at the same time; one per core by default.
    memory : float, optional
        Gigabytes that they may use together; half of the free memory by default.
    tracking_server : str, optional
        MLflow's tracking URI; MLFLOW_TRACKING_URI or the folder `mlruns` by default.
    """
    logging.getLogger("prefect.flow_runs").addFilter(is_news)
    uri = tracking_uri(tracking_server)
    resources = resources_of(workers, memory)
    with current_progress() as progress, stop_on_interrupt(progress):
        try:
            return run_to_the_end(experiment, force, resources, uri, progress)
        except (ConfigurationError, DataUnavailable) as error:
            return Failed(message=str(error))
        except BrokenExecutor:
            return Failed(message="a worker process was killed; run the sweep again to train the missing cells")
        except STORE_ERRORS as error:
            return Failed(message=f"store: {without_login(uri)} failed ({shortened(error)}); finished cells are safe")


def run_to_the_end(
    experiment: Experiment, force: bool, resources: Resources, uri: str, progress: ProgressFolder
) -> Outcome | State:
    """Find the missing cells, train them, and compare all cells of the sweep."""
    logger = get_run_logger()
    client = open_store(uri)
    cells = load(experiment)
    standing = look_up(client, uri, experiment, cells, force)
    experiment_id, missing = standing.experiment_id, standing.missing
    name, done = next(iter(cells.values())).data.name, len(cells) - len(missing)
    progress.write("sweep", **plan_state(missing), done=done)
    logger.info("%s: %d cells, %d to train, %d done before", name, len(cells), len(missing), done)
    if standing.complete:
        outcome = outcome_of_complete(client, standing, experiment, cells)
        return Completed(message=f"nothing to train: all {len(cells)} cells were done before", data=outcome)

    run_id = begin_sweep(client, experiment_id, experiment, cells, anew=force)
    context = SweepContext(uri, experiment_id, run_id, this_process(), standing.planned, experiment.data.name, progress)
    ahead = Timer(BUSY_SECONDS, import_summary)
    ahead.daemon = True
    ahead.start()
    status = "FAILED"
    try:
        charts.publish_chart_view(client, experiment_id, run_id, cells.values())
        charts.describe(client, experiment_id, None, experiment.description)
        with heartbeat(client, run_id, progress, show_progress(experiment.name)):
            counts, undelivered = train_missing(client, context, missing, force, resources)
            counts["done"] += done
            if undelivered and not delivered_at_last(client, uri, progress):
                return Failed(
                    message=f"tracking URI: {without_login(uri)} did not take all results ({undelivered}); they are in "
                    f"{outbox.outbox()}, and `mlp sync` delivers them"
                )
            if counts["KILLED"]:
                status = "KILLED"
                return Cancelled(message=f"stopped; {counts['FINISHED']} cells had finished")
            from flows.report.summary import summarize_sweep

            retry_store(lambda: summarize_sweep(client, experiment_id, run_id, experiment, cells), progress)
            status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        with suppress(*STORE_ERRORS):  # if the store is gone, the next sweep closes these runs
            close_cells(client, experiment_id, run_id)
            end_run(client, run_id, status)
    return Outcome(run_id, dict(counts), list(cells))


def import_summary() -> None:
    """Import what the end of a sweep needs, while stacks train, so that neither the beginning nor the end waits."""
    import scipy.stats  # noqa: F401

    import flows.report.summary  # noqa: F401


def plan_state(missing: dict[str, Cell]) -> dict[str, float]:
    """How much is to be trained, and the epochs of the cells that are trained for longest."""
    epochs = max((cell.descent.epochs for cell in missing.values()), default=0)
    return {"cells": len(missing), "work": total_seconds(missing), "epochs": epochs}


def train_missing(
    client: MlflowClient, context: SweepContext, missing: dict[str, Cell], force: bool, resources: Resources
) -> tuple[Counter, str]:
    """Train cells, except those that another running sweep, which began earlier, trains.

    Returns
    -------
    counts : Counter
        Cells by status.
    undelivered : str
        Why some results could not be delivered to MLflow; empty if all were.
    """
    counts: Counter = Counter()
    undelivered = ""
    while missing:
        taken = {} if force else claimed(client, context.run_id, living_sweeps(client, context.experiment_id))
        ours = {key: cell for key, cell in missing.items() if key not in taken}
        missing = {key: cell for key, cell in missing.items() if key in taken}
        if ours:
            stacks = plan(ours, resources.workers, resources.memory)
            results = train_stacks(stacks, context, resources.workers)
            if lost := next((result.undelivered for result in results if not result.kept), ""):
                raise OSError(lost)
            counts += sum((Counter(result.counts) for result in results), Counter())
            undelivered = next((result.undelivered for result in results if result.undelivered), undelivered)
        else:
            waiting = sorted(set(taken.values()))
            context.progress.write("sweep", **plan_state(missing), waiting=waiting)
            context.progress.wait(PAUSE_SECONDS)
        if context.progress.stopped():
            counts["KILLED"] += len(missing)
            break
        if missing:
            wanted = len(missing)
            missing = not_done(client, context.experiment_id, missing)
            counts["done"] += wanted - len(missing)
    return counts, undelivered


def train_stacks(stacks: list[dict[str, Cell]], context: SweepContext, workers: int) -> list[Trained]:
    """Train one task per stack; a single stack trains in this process, unless there is a cluster."""
    running = FlowRunContext.get()
    assert running is not None
    here = isinstance(running.task_runner, ThreadPoolTaskRunner)
    if here and len(stacks) == 1:
        return [train_stack(stacks[0], "stack-0", context)]
    results = []
    with ExitStack() as open_until_done:
        parameters: dict[str, Any] = {"context": context}
        if here:
            # The tasks run in threads of this process, so that only this process needs Prefect's server.
            parameters["processes"] = open_until_done.enter_context(worker_processes(workers))
        runner = ThreadPoolTaskRunner(workers) if here else running.task_runner.duplicate()
        open_until_done.enter_context(runner)
        tasks = [parameters | {"cells": stack, "name": f"stack-{i}"} for i, stack in enumerate(stacks)]
        for future in as_completed([runner.submit(train_stack, task) for task in tasks]):
            results.append(future.result())
            if not results[-1].kept:
                break  # there is no room for results: the end of the runner's context cancels the stacks that wait
    return results


def delivered_at_last(client: MlflowClient, uri: str, progress: ProgressFolder) -> bool:
    """Try for a minute to deliver the outbox; whether MLflow took all of it."""

    def deliver() -> None:
        delivery = outbox.deliver_waiting(client, uri)
        if delivery.waiting:
            raise OSError(delivery.reason)

    with suppress(*STORE_ERRORS):
        retry_store(deliver, progress)
        return True
    return False


def retry_store(action: Callable[[], None], progress: ProgressFolder) -> None:
    """Do something with the store; if it can't be reached, try again for a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except STORE_ERRORS as error:
            if refused(error) or time.monotonic() > deadline or progress.stopped():
                raise
        progress.wait(PAUSE_SECONDS)
