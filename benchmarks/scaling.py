"""How the time and memory of a sweep scale from ten cells to a thousand, and from one worker to all cores.

Each row is an `mlp run` with tracking, in a new store. *Training* lasts from the start of the first cell to the end of
the last; *other* is everything else: starting Prefect, planning, the report. Memory is the peak over all processes of
the sweep, including Prefect's server; shared pages count once.
"""

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from whole_sweep import command, environment, runs_of, training_seconds

from flows.platform.environment import prepare_environment
from flows.platform.system import cores
from mlp import DataFallback, load

PAUSE_SECONDS = 0.5  # between two measurements of the memory


@dataclass(frozen=True)
class Measurement:
    """Time and memory of one sweep."""

    cells: int
    epochs: int
    workers: int
    seconds: float
    training: float
    peak_bytes: int


def measure(data: str, cells: int, epochs: int, workers: int) -> Measurement:
    """Run a sweep, and measure its memory while it runs."""
    grid = ["--data", data, "--seeds", f"0-{cells - 1}", "--shuffle", "0", "--epochs", str(epochs)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "log"
        begin = time.perf_counter()
        with log.open("w") as output:
            words = command([*grid, "--workers", str(workers)])
            sweep = psutil.Popen(words, cwd=folder, stdout=output, stderr=output, env=environment(folder))
            peak = 0
            while sweep.poll() is None:
                peak = max(peak, memory_of(sweep))
                time.sleep(PAUSE_SECONDS)
        seconds = time.perf_counter() - begin
        if sweep.returncode:
            sys.exit(f"mlp run ended with exit code {sweep.returncode}: {log.read_text()}")
        runs = runs_of(folder)
    return Measurement(len(runs), epochs, workers, seconds, training_seconds(runs), peak)


def memory_of(process: psutil.Process) -> int:
    """Memory of a process and its descendants in bytes; shared pages count once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += member.memory_full_info().pss
    return total


def table(rows: list[Measurement]) -> str:
    """The measurements as text, one line each."""
    lines = [
        f"{'cells':>6}{'epochs':>8}{'workers':>9}{'seconds':>9}{'training':>10}{'other':>11}"
        f"{'ms/(cell·epoch)':>21}{'peak GB':>9}"
    ]
    for row in rows:
        per_epoch = 1000 * row.training / row.cells / row.epochs
        lines.append(
            f"{row.cells:6}{row.epochs:8}{row.workers:9}{row.seconds:9.1f}{row.training:10.1f}"
            f"{row.seconds - row.training:11.1f}{per_epoch:21.1f}{row.peak_bytes / 1e9:9.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[10, 100, 1000], help="sizes of the sweeps")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved runs with one worker and with all cores")
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataFallback)  # the output names the data set
        data = load("auto").name
    workers = cores()
    growing = [measure(data, cells, given.epochs, workers) for cells in given.cells]
    one, all_of_them = [], []
    for _ in range(given.rounds):
        one.append(measure(data, 64, 10, 1))
        all_of_them.append(measure(data, 64, 10, workers))
    single, several = (statistics.median(row.training for row in rows) for rows in (one, all_of_them))
    print(f"{data}, 784-16-16-10, {workers} cores\n\n{table([*growing, *one, *all_of_them])}\n")
    small, large = growing[0], growing[-1]
    each = (large.seconds - small.seconds) / (large.cells - small.cells)
    added = (large.seconds - large.training) - (small.seconds - small.training)
    print(f"each additional cell: {1000 * each:.0f} ms; other time with {large.cells} cells: {added:.1f} s more")
    print(f"{workers} workers train {single / several:.2f} times as fast as one (median)\n")


if __name__ == "__main__":
    prepare_environment()
    main()
