"""The flow: find the missing cells, plan the stacks, train each as one task, and compare the result."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
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
from flows.plan.stacks import plan, title, total_seconds
from flows.platform.health import without_login
from flows.platform.identity import this_process
from flows.report import charts
from flows.report.prefect_pages import is_news, show_progress
from flows.store import outbox
from flows.store.artifacts import not_done
from flows.store.connection import connect, open_store
from flows.store.experiments import open_experiment
from flows.store.failures import STORE_ERRORS, refused, shortened
from flows.store.runs import end_run
from flows.sweep.events import SweepPlanned
from flows.sweep.interrupts import stop_on_interrupt
from flows.sweep.options import SweepOptions
from flows.sweep.ownership import begin_sweep, claimed, heartbeat, living_sweeps
from flows.sweep.processes import WorkerDied, WorkerProcesses
from flows.sweep.progress import Progress, prepared_by_caller
from flows.sweep.status import Outcome, SweepStatus, look_up
from flows.sweep.tracking import StackResult, SweepContext, track_stack
from mlp.data.sets import DataUnavailable

# How long a sweep whose training is done waits for MLflow to answer, and how often it tries.
PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 5.0


def worth_a_retry(task: Any, task_run: Any, state: State) -> bool:
    """Tell whether the data set could not be reached; nothing else is better a moment later."""
    return isinstance(state.result(raise_on_failure=False), DataUnavailable)


@task(retries=2, retry_delay_seconds=2, retry_condition_fn=worth_a_retry, cache_policy=NO_CACHE)
def load(experiment: Experiment, uri: str, force: bool) -> SweepStatus:
    """Load the data, and find the missing cells; see `flows.sweep.status.look_up`."""
    return look_up(open_store(uri), experiment, force=force)


def stack_title() -> str:
    """The name of a task on Prefect's pages."""
    return title(task_run.parameters["cells"].values())


stack_task = task(task_run_name=stack_title, cache_policy=NO_CACHE)(track_stack)


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
    with prepared_by_caller() as prepared, stop_on_interrupt(prepared.progress):
        options = SweepOptions(force, workers, memory, prepared.tracking_server or tracking_server)
        try:
            status = prepared.status or load(experiment, options.uri, force)
            return run_to_the_end(status, options, prepared.progress)
        except (ConfigurationError, DataUnavailable) as error:
            return Failed(message=str(error))
        except WorkerDied:
            return Failed(message="a worker process was killed; run the sweep again to train the missing cells")
        except STORE_ERRORS as error:
            store = without_login(options.uri)
            return Failed(message=f"store: {store} failed ({shortened(error)}); finished cells are safe")


def run_to_the_end(status: SweepStatus, options: SweepOptions, progress: Progress) -> Outcome | State:
    """Train the missing cells, and compare all cells of the sweep."""
    client = connect(options.uri)
    experiment, cells = status.experiment, status.cells
    name = next(iter(cells.values())).data.name
    counted = len(cells), len(status.missing), status.done
    get_run_logger().info("%s: %d cells, %d to train, %d done before", name, *counted)
    if status.outcome:
        return Completed(message=f"nothing to train: all {len(cells)} cells were done before", data=status.outcome)

    experiment_id = open_experiment(client, experiment)
    run_id = begin_sweep(client, experiment_id, experiment, cells, anew=options.force)
    context = SweepContext(options.uri, experiment_id, run_id, this_process(), status.planned, experiment.data.name)
    ending = "FAILED"
    try:
        charts.publish_chart_view(client, experiment_id, run_id, cells.values())
        charts.describe(client, experiment_id, None, experiment.description)
        with heartbeat(client, run_id, progress, show_progress(experiment.name)):
            counts, undelivered = train_missing(client, context, status, options, progress)
            if undelivered and not delivered_at_last(client, progress):
                return Failed(
                    message=f"tracking URI: {without_login(options.uri)} did not take all results ({undelivered}); "
                    f"they are in {outbox.outbox()}, and `mlp sync` delivers them"
                )
            if counts["KILLED"]:
                ending = "KILLED"
                return Cancelled(message=f"stopped; {counts['FINISHED']} cells had finished")
            from flows.report.summary import summarize_sweep  # takes seconds

            retry_store(lambda: summarize_sweep(client, experiment_id, run_id, experiment, cells), progress)
            ending = "FINISHED"
    except KeyboardInterrupt:
        ending = "KILLED"
        raise
    finally:
        with suppress(*STORE_ERRORS):  # if the store is gone, the next sweep closes these runs
            end_run(client, run_id, ending)
            living_sweeps(client, experiment_id)  # closes the cells that died with their worker
    return Outcome(run_id, dict(counts), list(cells))


def planned(cells: dict[str, Cell], done: int, waiting_for: str = "") -> SweepPlanned:
    """The event that these cells are trained next, or waited for."""
    epochs = max(cell.descent.epochs for cell in cells.values())
    return SweepPlanned(len(cells), done, total_seconds(cells), epochs, waiting_for)


def train_missing(
    client: MlflowClient, context: SweepContext, status: SweepStatus, options: SweepOptions, progress: Progress
) -> tuple[Counter, str]:
    """Train cells, except those that another running sweep, which began earlier, trains.

    Returns
    -------
    counts : Counter
        Cells by status.
    undelivered : str
        Why some results could not be delivered to MLflow; empty if all were.
    """
    counts: Counter = Counter(done=status.done)
    missing, undelivered = status.missing, ""
    while missing:
        taken: dict[str, str] = {}
        if not options.force:
            # In this order: what an older sweep has finished before it ended is seen as done.
            taken = claimed(client, context.run_id, living_sweeps(client, context.experiment_id))
            wanted, missing = len(missing), not_done(client, context.experiment_id, missing)
            counts["done"] += wanted - len(missing)
        ours = {key: cell for key, cell in missing.items() if key not in taken}
        missing = {key: cell for key, cell in missing.items() if key in taken}
        if ours:
            progress.plan(planned(ours, counts["done"]))
            results = train_stacks(ours, context, options, progress)
            if lost := next((result.undelivered for result in results if not result.kept), ""):
                raise OSError(lost)
            counts += sum((Counter(result.counts) for result in results), Counter())
            undelivered = next((result.undelivered for result in results if result.undelivered), undelivered)
        elif missing:
            progress.plan(planned(missing, counts["done"], taken[next(iter(missing))]))
            progress.wait(PAUSE_SECONDS)
        if progress.stopping:
            counts["KILLED"] += len(missing)
            break
    return counts, undelivered


def train_stacks(
    cells: dict[str, Cell], context: SweepContext, options: SweepOptions, progress: Progress
) -> list[StackResult]:
    """Train one task per stack; a single stack trains in this process, unless there is a cluster."""
    running = FlowRunContext.get()
    assert running is not None
    stacks = plan(cells, options.worker_count, options.bytes)
    here = isinstance(running.task_runner, ThreadPoolTaskRunner)
    if here and len(stacks) == 1:
        return [stack_task(stacks[0], 0, context, progress)]
    results = []
    with ExitStack() as open_until_done:
        shared: dict[str, Any] = {"context": context}
        if here:
            # The tasks run in threads of this process, so that only this process needs Prefect's server.
            processes = open_until_done.enter_context(WorkerProcesses(options.worker_count))
            shared |= {"progress": progress, "processes": processes}
        runner = ThreadPoolTaskRunner(options.worker_count) if here else running.task_runner.duplicate()
        open_until_done.enter_context(runner)
        tasks = [shared | {"cells": stack, "number": number} for number, stack in enumerate(stacks)]
        futures = {runner.submit(stack_task, parameters): parameters["number"] for parameters in tasks}
        for future in as_completed(list(futures)):
            results.append(future.result())
            if state := results[-1].state:  # from a cluster it comes home only now
                progress.set_stack(futures[future], state)
            if not results[-1].kept:
                break  # there is no room for results: the end of the runner's context cancels the stacks that wait
    return results


def delivered_at_last(client: MlflowClient, progress: Progress) -> bool:
    """Try for a minute to deliver the outbox; whether MLflow took all of it."""

    def deliver() -> None:
        delivery = outbox.deliver_waiting(client, client.tracking_uri)
        if delivery.waiting:
            raise OSError(delivery.reason)

    with suppress(*STORE_ERRORS):
        retry_store(deliver, progress)
        return True
    return False


def retry_store(action: Callable[[], None], progress: Progress) -> None:
    """Do something with the store; if it can't be reached, try again for a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except STORE_ERRORS as error:
            if refused(error) or time.monotonic() > deadline or progress.stopping:
                raise
        progress.wait(PAUSE_SECONDS)
