"""The cost of tracking: time in which the stacks of a sweep send to MLflow, as a share of all their time.

One worker on each core trains cells of the preset `shuffle`, and the process of the sweep sends, as in `mlp run`: once
to a sqlite file, and once over HTTP to the server of `mlp ui`. Each cell has params, tags, a data set, curves, final
metrics and weights. During the sweep the server has no core of its own, so the time to send one cell is also measured
without training.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, chdir
from threading import get_ident
from typing import Any, NamedTuple
from unittest.mock import patch

from flows.plan.cell import Cell
from flows.plan.configuration import load_experiment
from flows.plan.preparation import dataset_fields, load_data, network_of
from flows.plan.stacks import half_of_what_is_free, plan
from flows.platform.environment import prepare_environment
from flows.platform.identity import this_process
from flows.platform.paths import tracking_uri
from flows.platform.servers import free_port, start_ui
from flows.platform.system import cores
from flows.store.cell_run import Courier
from flows.store.connection import open_store
from flows.store.experiments import open_experiment
from flows.sweep.ownership import begin_sweep
from flows.sweep.processes import WorkerProcesses
from flows.sweep.progress import new_progress
from flows.sweep.tracking import StackRuns, SweepContext, begin_run, track_stack
from flows.sweep.training import Loaded
from mlp import DataFallback, Dataset, generator
from mlp.metrics import curve_metrics


class Spent(NamedTuple):
    """Seconds of a stack."""

    sending: float
    total: float


def measure(uri: str, cells: dict[str, Cell], data: str) -> list[Spent]:
    """For each stack the time of everything that is sent to MLflow and of waiting until it can be, and all its time."""
    experiment = next(iter(cells.values())).experiment
    client = open_store(uri)
    experiment_id = open_experiment(client, experiment)
    run_id = begin_sweep(client, experiment_id, experiment, cells, anew=True)
    workers = cores()
    stacks = plan(cells, workers, half_of_what_is_free())
    sending: Counter[int] = Counter()  # by thread: each follows one stack

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            begin = time.perf_counter()
            result = function(*arguments)
            sending[get_ident()] += time.perf_counter() - begin
            return result

        return call

    def train_and_time(stack: dict[str, Cell]) -> Spent:
        begin = time.perf_counter()
        track_stack(stack, f"stack-{get_ident()}", sweep, processes)
        return Spent(sending[get_ident()], time.perf_counter() - begin)

    with ExitStack() as open_until_done:
        for owner, name in ((Courier, "record"), (StackRuns, "begin_to_finish"), (StackRuns, "deliver")):
            open_until_done.enter_context(patch.object(owner, name, timed(getattr(owner, name))))
        progress = open_until_done.enter_context(new_progress())
        processes = open_until_done.enter_context(WorkerProcesses(workers))
        threads = open_until_done.enter_context(ThreadPoolExecutor(workers))
        sweep = SweepContext(uri, experiment_id, run_id, this_process(), int(time.time() * 1000), data, progress)
        return list(threads.map(train_and_time, stacks))


def send_alone(uri: str, cells: dict[str, Cell], data: Dataset, epochs: int) -> float:
    """Median seconds to send a finished cell with all its curves to MLflow."""
    client = open_store(uri)
    experiment_id = open_experiment(client, next(iter(cells.values())).experiment)
    seconds = []
    with new_progress() as progress:
        sweep = SweepContext(uri, experiment_id, "none", this_process(), 0, data.name, progress)
        for key, cell in cells.items():
            network = network_of(cell, data)
            loaded = Loaded(dataset_fields(data), len(data.test_labels), network.sizes)
            run = begin_run(cell, key, sweep, loaded)
            for epoch in range(epochs + 1):
                run.record(epoch, {row.name: 0.5 for row in curve_metrics()})
            run.parameters = network.initialize(generator(cell.seed, "start"))
            run.end("FINISHED")
            begin = time.perf_counter()
            run.deliver(client)
            seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataFallback)  # the output names the data set
        experiment = load_experiment("shuffle", {"data.name": "auto", "descent.epochs": given.epochs})
        data = load_data(experiment.cells()[0])
    experiment = experiment.model_copy(update={"data": experiment.data.model_copy(update={"name": data.name})})
    cells = {cell.key(data.digest): cell for cell in experiment.cells()}
    print(f"{data.name}, {len(cells)} cells, {given.epochs} epochs, one worker on each core")
    for name in ("sqlite", "HTTP"):
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            uri, server = tracking_uri(None), None
            if name == "HTTP":
                open_store(uri)  # as `mlp ui` and `mlp up` do
                port = free_port()
                server = start_ui(uri, port)
                uri = f"http://127.0.0.1:{port}"
            alone = send_alone(uri, cells, data, given.epochs)
            spent = measure(uri, cells, data.name)
            if server:
                server.communicate()
        sending, total = (sum(part) for part in zip(*spent, strict=True))
        print(
            f"{name:8}{1000 * alone:5.0f} ms per cell alone, {1000 * sending / len(cells):.0f} ms in a sweep: "
            f"{sending / total:.1%} of the {total:.0f} s of {len(spent)} stacks"
        )


if __name__ == "__main__":
    prepare_environment()
    main()
