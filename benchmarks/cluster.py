"""Stacks on a Dask cluster: the ratio to the processes of this machine, and what a large cluster would take.

First whole sweeps with `mlp run`, in turns: two worker processes of this machine, then a local Dask cluster of two.
Then the costs of which a sweep on a cluster consists are measured one by one, and a simulation adds them up: 1,000
cells on up to 100 workers that share one MLflow server.
"""

import argparse
import heapq
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cloudpickle
import requests
from tracking import send_alone
from whole_sweep import environment, runs_of, sweep_seconds, training_seconds

from flows.plan.cell import Cell
from flows.plan.configuration import load_experiment
from flows.plan.preparation import load_data
from flows.plan.stacks import MAX_CELLS_OF_A_STACK
from flows.platform.environment import prepare_environment
from flows.platform.identity import this_process
from flows.platform.paths import tracking_uri
from flows.platform.servers import free_port, start_ui
from flows.store.cell_run import pause_after
from flows.store.connection import open_store
from flows.sweep.tracking import SweepContext
from flows.sweep.training import final_measure, train_cells
from mlp import DataFallback


@dataclass(frozen=True)
class Costs:
    """What a sweep on a cluster consists of.

    Attributes
    ----------
    stack_bytes : float
        Sent to a worker for each cell of a stack.
    start : float
        Seconds of a stack before its first epoch and after its last: data, first answers, noise.
    epoch : float
        Seconds of an epoch for each cell.
    calls : float
        Calls to MLflow for each cell, those with its curves not counted.
    call : float
        Seconds of MLflow's server for a call.
    """

    stack_bytes: float
    start: float
    epoch: float
    calls: float
    call: float


@contextmanager
def dask_cluster(workers: int, folder: Path) -> Iterator[str]:
    """A scheduler and workers of one thread each on this machine; its address."""
    address = f"tcp://127.0.0.1:{free_port()}"
    options = {"cwd": folder, "env": environment(folder), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = ["distributed.cli.dask_scheduler", "--host", address, "--no-dashboard"]
    worker = ["distributed.cli.dask_worker", address, "--nworkers", str(workers), "--nthreads", "1", "--no-dashboard"]
    programs = [subprocess.Popen([sys.executable, "-m", *words], **options) for words in (scheduler, worker)]
    try:
        yield address
    finally:
        for program in reversed(programs):
            program.terminate()
            program.wait()


def compare_runners(grid: list[str], rounds: int) -> None:
    """Print the median times of both runners for two stacks, and their ratio."""
    found: dict[str, list[tuple[float, float]]] = {"processes": [], "dask": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with dask_cluster(2, folder) as address:
            for _ in range(rounds):
                for runner, where in (("processes", []), ("dask", ["--runner", "dask", "--address", address])):
                    whole = sweep_seconds([*grid, "--workers", "2", *where, "--force"], folder)
                    found[runner].append((whole, training_seconds(runs_of(folder))))
    for runner, times in found.items():
        whole, training = (statistics.median(part) for part in zip(*times, strict=True))
        print(f"{runner:10} {whole:6.1f} s, of which {training:6.1f} s training")
    ratios = [dask[0] / processes[0] for processes, dask in zip(*found.values(), strict=True)]
    print(f"Dask takes {statistics.median(ratios):.2f} times as long as processes, in the median of {rounds}\n")


def measure_costs(cells: dict[str, Cell], epochs: int) -> Costs:
    """Measure each cost by itself, with one stack and MLflow's server on this machine."""
    data = load_data(next(iter(cells.values())))
    moments = [time.perf_counter()]
    load_data(next(iter(cells.values())))
    history = train_cells(list(cells.values()), data, lambda epoch, metrics: moments.append(time.perf_counter()))
    ended = time.perf_counter()
    final = final_measure(next(iter(cells.values())), data)
    for parameters in history.parameters:
        final(parameters)
    start = moments[1] - moments[0] + time.perf_counter() - ended
    epoch = (moments[-1] - moments[1]) / epochs / len(cells)
    calls = 0
    send = requests.Session.send

    def counted(*arguments: object, **options: object) -> requests.Response:
        nonlocal calls
        calls += 1
        return send(*arguments, **options)  # type: ignore[arg-type]

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        local, port = tracking_uri(None), free_port()
        open_store(local)
        with start_ui(local, port) as server:
            requests.Session.send = counted  # type: ignore[method-assign, assignment]
            seconds = send_alone(f"http://127.0.0.1:{port}", cells, data, epochs)
            requests.Session.send = send  # type: ignore[method-assign]
            server.communicate()
    each = calls / len(cells)
    context = SweepContext(local, "1", "0" * 32, this_process(), 0, data.name)
    sent = len(cloudpickle.dumps({"cells": cells, "number": 0, "context": context})) / len(cells)
    return Costs(sent, start, epoch, each, seconds / each)


def simulate(cells: int, workers: int, epochs: int, costs: Costs) -> tuple[float, float]:
    """The time of a sweep in seconds, and the share of it in which MLflow's server is busy.

    Each worker trains its stacks one after the other. After an epoch it sends the curves of all cells of its stack in
    one call each, if its `MetricBuffer` would; MLflow's server answers the calls of all workers one after the other.
    """
    rounds = -(-cells // (workers * MAX_CELLS_OF_A_STACK))
    size = -(-cells // (workers * rounds))
    sizes = [min(size, cells - first) for first in range(0, cells, size)]
    free_at = busy = 0.0

    def answered(moment: float, calls: float) -> float:
        nonlocal free_at, busy
        free_at = max(moment, free_at) + calls * costs.call
        busy += calls * costs.call
        return free_at

    # By time: what happens next to a worker's stack, its epoch, and when its next curves are due.
    events = [(0.0, worker, -1, 0, 0.0) for worker in range(min(workers, len(sizes)))]
    ends = [0.0]
    while events:
        now, worker, epoch, stack, due = heapq.heappop(events)
        if epoch < 0:
            if not sizes:
                continue
            stack = sizes.pop()
            heapq.heappush(events, (now + costs.start, worker, 0, stack, 0.0))
        elif epoch == epochs:
            ends.append(answered(now, stack * costs.calls))
            heapq.heappush(events, (ends[-1], worker, -1, 0, 0.0))
        else:
            if now >= due:
                sent = answered(now, stack)
                now, due = sent, sent + pause_after(sent - now)
            heapq.heappush(events, (now + stack * costs.epoch, worker, epoch + 1, stack, due))
    return max(ends), busy / max(ends)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="auto")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataFallback)  # the output names the data set
        experiment = load_experiment("shuffle", {"data.name": given.data, "seeds": "0-9", "corruption.fractions": "0"})
        data = load_data(experiment.cells()[0])
    experiment = experiment.model_copy(update={"data": experiment.data.model_copy(update={"name": data.name})})
    print(f"{data.name}, 784-16-16-10, {given.epochs} epochs, two workers on {os.cpu_count()} cores\n")
    compare_runners(["--data", data.name, "--epochs", str(given.epochs)], given.rounds)
    few = experiment.model_copy(update={"descent": experiment.descent.model_copy(update={"epochs": 2})})
    costs = measure_costs({cell.key(data.digest): cell for cell in few.cells()}, 2)
    print(
        f"a stack: {costs.stack_bytes:,.0f} bytes a cell to its worker, {costs.start:.1f} s besides its epochs, "
        f"{1000 * costs.epoch:.1f} ms a cell and epoch\n"
        f"MLflow: {costs.calls:.1f} calls a cell and one for each part of its curves; {1 / costs.call:.0f} a second\n"
    )
    print(f"simulated, 1,000 cells of {given.epochs} epochs\n")
    print(f"{'workers':>8}{'seconds':>9}{'speed-up':>10}{'MLflow busy':>13}")
    alone = simulate(1000, 1, given.epochs, costs)[0]
    for workers in (1, 2, 10, 30, 100):
        seconds, busy = simulate(1000, workers, given.epochs, costs)
        print(f"{workers:8}{seconds:9.0f}{alone / seconds:10.1f}{busy:13.0%}")


if __name__ == "__main__":
    prepare_environment()
    main()
