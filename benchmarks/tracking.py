"""The cost of tracking: time in which the workers of a sweep wait until their results are sent, as a share of all.

One worker on each core trains cells of the preset `shuffle`, and the process of the sweep sends to MLflow, as in
`mlp run`: once to a sqlite file, and once over HTTP to the server of `mlp ui`. Each cell has params, tags, a data set,
curves, final metrics and weights. Neither that process nor the server has a core of its own, so its processor time is
measured too, and the time to send one cell without training.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from typing import Any, NamedTuple

from flows.plan.cell import Cell
from flows.plan.configuration import load_experiment
from flows.plan.experiment import Experiment
from flows.plan.preparation import dataset_fields, load_data, network_of
from flows.plan.stacks import half_of_what_is_free, plan
from flows.platform.environment import prepare_environment
from flows.platform.identity import this_process
from flows.platform.paths import tracking_uri
from flows.platform.servers import free_port, start_ui
from flows.platform.system import cores
from flows.store.connection import open_store
from flows.store.experiments import open_experiment
from flows.sweep.events import Loaded, StackEvent
from flows.sweep.ownership import begin_sweep
from flows.sweep.processes import WorkerProcesses
from flows.sweep.progress import Progress
from flows.sweep.tracking import StackRuns, SweepContext, begin_run
from flows.sweep.training import emit_training
from mlp import DataFallback, Dataset, generator
from mlp.measures.metrics import curve_metrics


class Spent(NamedTuple):
    """Seconds of a worker."""

    waiting: float
    total: float


def train_and_time(cells: list[Cell], report: Callable[[Any], None]) -> None:
    """Train a stack in a worker, and report last how long the reports have taken, and all of it."""
    waiting = 0.0

    def timed(message: StackEvent) -> None:
        nonlocal waiting
        begin = time.perf_counter()
        report(message)
        waiting += time.perf_counter() - begin

    begin = time.perf_counter()
    emit_training(cells, timed)
    report(Spent(waiting, time.perf_counter() - begin))


def measure(uri: str, experiment: Experiment, cells: dict[str, Cell]) -> tuple[list[Spent], float]:
    """Time of each worker, and processor time of the process that sends their results to MLflow."""
    client = open_store(uri)
    experiment_id = open_experiment(client, experiment)
    run_id = begin_sweep(client, experiment_id, experiment, cells, anew=True)
    workers = cores()
    stacks = plan(cells, workers, half_of_what_is_free())
    spent: list[Spent] = []
    progress = Progress()
    with WorkerProcesses(workers) as processes, ThreadPoolExecutor(workers) as threads:
        sweep = SweepContext(uri, experiment_id, run_id, this_process(), int(time.time() * 1000), experiment.data.name)

        def track(number: int) -> None:
            with StackRuns(stacks[number], number, sweep, progress) as runs:

                def take(message: StackEvent | Spent) -> None:
                    spent.append(message) if isinstance(message, Spent) else runs.take(message)

                processes.run(train_and_time, list(stacks[number].values()), on_report=take)

        begin = time.process_time()
        list(threads.map(track, range(len(stacks))))
        return spent, time.process_time() - begin


def send_alone(uri: str, cells: dict[str, Cell], data: Dataset, epochs: int) -> float:
    """Median seconds to send a finished cell with all its curves to MLflow."""
    client = open_store(uri)
    experiment_id = open_experiment(client, Experiment(name="alone"))
    seconds = []
    sweep = SweepContext(uri, experiment_id, "none", this_process(), 0, data.name)
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
            spent, sending = measure(uri, experiment, cells)
            if server:
                server.communicate()
        waiting, total = (sum(part) for part in zip(*spent, strict=True))
        print(
            f"{name:8}{1000 * alone:5.0f} ms per cell alone; in a sweep the workers wait {waiting / total:.1%} "
            f"of their {total:.0f} s, and the process that sends computes for {sending:.1f} s"
        )


if __name__ == "__main__":
    prepare_environment()
    main()
