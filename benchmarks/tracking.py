"""What MLflow costs a sweep: the time that its workers spend on telling MLflow, as a share of all their time.

The cells of the preset `shuffle` are trained by a worker a core, as `mlp run` does it, once into a sqlite file and once
over HTTP into the server of `mlp ui`. A cell brings its params, tags, data set, curves, final figures and weights. The
server has no core of its own then, so a cell is also sent alone, all at once, while nothing trains.
"""

import argparse
import os
import statistics
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

from flows.board import new_board
from flows.cell_run import CellRun
from flows.configuration import load_experiment
from flows.environment import prepare_environment
from flows.experiment import Cell
from flows.owner import this_process
from flows.resume import begin_sweep
from flows.service import free_port, start_ui
from flows.stacks import half_of_what_is_free, plan
from flows.tracking import open_experiment, open_store, tracking_uri
from flows.training import Sweep, load_data, network_of, run_of, train_cells
from mlp import DataFallback, Dataset, generator
from mlp.metrics import TEST_METRICS, TRAIN_METRICS


class Spent(NamedTuple):
    """Seconds of a worker."""

    telling: float
    all: float


def train_and_watch(cells: dict[str, Cell], sweep: Sweep) -> Spent:
    """Train a stack, and add up the time of all that is sent to MLflow."""
    telling = 0.0
    deliver = CellRun.deliver

    def timed(run: CellRun, client) -> None:
        nonlocal telling
        begin = time.perf_counter()
        deliver(run, client)
        telling += time.perf_counter() - begin

    CellRun.deliver = timed  # type: ignore[method-assign]
    begin = time.perf_counter()
    train_cells(cells, "stack", sweep)
    return Spent(telling, time.perf_counter() - begin)


def measure(uri: str, cells: dict[str, Cell], data: str) -> list[Spent]:
    """What each worker spent on its stack."""
    experiment = next(iter(cells.values())).experiment
    client = open_store(uri)
    experiment_id = open_experiment(client, uri, experiment)
    run_id = begin_sweep(client, experiment_id, experiment, cells, anew=True)
    workers = len(os.sched_getaffinity(0))
    stacks = plan(cells, workers, half_of_what_is_free())
    with new_board() as board, ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        sweep = Sweep(uri, experiment_id, run_id, this_process(), int(time.time() * 1000), data, board)
        return list(pool.map(partial(train_and_watch, sweep=sweep), stacks))


def send_alone(uri: str, cells: dict[str, Cell], data: Dataset, epochs: int) -> float:
    """Median seconds to tell MLflow of a cell: its curves, 7 metrics of each epoch, and all that belongs to it."""
    client = open_store(uri)
    experiment_id = open_experiment(client, uri, next(iter(cells.values())).experiment)
    seconds = []
    with new_board() as board:
        sweep = Sweep(uri, experiment_id, "none", this_process(), 0, data.name, board)
        for key, cell in cells.items():
            run = run_of(cell, key, sweep, data)
            for epoch in range(epochs + 1):
                run.record(epoch, dict.fromkeys(TRAIN_METRICS + TEST_METRICS, 0.5))
            run.keep_weights(network_of(cell, data).initialize(generator(cell.seed, "start")))
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
        warnings.simplefilter("ignore", DataFallback)  # the first line says which data were trained on
        experiment = load_experiment("shuffle", {"data.name": "auto", "descent.epochs": given.epochs})
        data = load_data(experiment.cells()[0])
    experiment = experiment.model_copy(update={"data": experiment.data.model_copy(update={"name": data.name})})
    cells = {cell.key(data.digest): cell for cell in experiment.cells()}
    print(f"{data.name}, {len(cells)} cells, {given.epochs} epochs, a worker a core")
    for name in ("sqlite", "HTTP"):
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            uri, server = tracking_uri(None), None
            if name == "HTTP":
                port = free_port()
                server = start_ui(uri, port)
                uri = f"http://127.0.0.1:{port}"
            alone = send_alone(uri, cells, data, given.epochs)
            spent = measure(uri, cells, data.name)
            if server:
                server.communicate()
        telling, total = (sum(part) for part in zip(*spent, strict=True))
        print(
            f"{name:8}{1000 * alone:5.0f} ms a cell alone; in the sweep {1000 * telling / len(cells):.0f} ms, "
            f"{telling / total:.1%} of the workers' {total:.0f} s on {len(spent)} stacks"
        )


if __name__ == "__main__":
    prepare_environment()
    main()
