"""Train the same networks with the engine and with its peers, side by side on one core.

Every peer has a process of its own with one thread, and all processes run on the same core. They take turns: in each
round, each trains for one epoch. A figure is the median over the rounds of the processor time per network and epoch, in
milliseconds, without preparation and compilation. Each library chooses its kernels for the processor itself:
OPENBLAS_CORETYPE is not passed on. Two parts of the engine are timed as well: the bare products of its steps, and its
evaluation on the full training and test sets. `train_stack` evaluates after every epoch; the other figures do not
contain that time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from peers import PARTS, PEERS

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")} | {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}
SAME_ACCURACY = 0.01


def environment() -> dict[str, str]:
    """The variables of this process, with one thread, and without those that choose OpenBLAS's kernels."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")} | ONE_THREAD


class Process:
    """The process of one peer."""

    def __init__(self, name: str, task: dict[str, Any], core: int) -> None:
        self.name, self.times, self.accuracy = name, [], float("nan")
        self.child = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("peers.py")), name, json.dumps(task)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )  # fmt: skip
        self.facts = self.read()

    def read(self) -> dict[str, Any]:
        line = self.child.stdout.readline()
        if not line:
            sys.exit(f"{self.name}: ended with exit code {self.child.wait()}")
        return json.loads(line)

    def epoch(self) -> None:
        self.child.stdin.write("epoch\n")
        self.child.stdin.flush()
        answer = self.read()
        self.times.append(answer["ms"])
        self.accuracy = answer["accuracy"]

    def end(self) -> None:
        self.child.stdin.close()
        self.child.wait()


def compare(task: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Run all peers in turns."""
    core = max(os.sched_getaffinity(0))
    processes = [Process(name, task, core) for name in (*PEERS, *PARTS)]
    missing = {process.name: process.facts["missing"] for process in processes if "missing" in process.facts}
    present = [process for process in processes if process.name not in missing]
    for _ in range(rounds):
        for process in present:
            process.epoch()
    for process in processes:
        process.end()
    ms = {process.name: statistics.median(process.times) for process in present}
    by_name = {process.name: process for process in present}
    rows = []
    for name in PEERS:
        if name in missing:
            continue
        accuracy = by_name[name].accuracy
        row = {"name": name, "ms": ms[name], "accuracy": accuracy, "times_stack": ms[name] / ms["stack"]}
        row["networks"] = by_name[name].facts["networks"]
        if abs(accuracy - by_name["stack"].accuracy) > SAME_ACCURACY:
            row["note"] = f"accuracy differs by more than {SAME_ACCURACY:.0%}"
        rows.append(row)
    return {
        "task": task | {"data": by_name["stack"].facts["data"], "epochs": rounds},
        "floor_ms": ms["floor"],
        "evaluation_ms": ms["evaluation"],
        "rows": rows,
        "missing": missing,
    }


def table(result: dict[str, Any]) -> str:
    task, stack = result["task"], result["rows"][0]["ms"]
    sizes = "-".join(map(str, task["hidden"]))
    lines = [
        f"{task['data']}, hidden layers {sizes}, mini-batches of {task['batch']}, {task['networks']} networks, "
        f"{task['epochs']} epochs, one core",
        "",
        f"{'':12}{'ms a network':>14}{'times':>9}{'test':>10}",
        f"{'':12}{'and epoch':>14}{'stack':>9}{'accuracy':>10}",
    ]
    for row in result["rows"]:
        notes = [f"{row['networks']} network timed"] if row["networks"] != task["networks"] else []
        notes += [row["note"]] if "note" in row else []
        figures = f"{row['ms']:14.1f}{row['times_stack']:9.2f}{row['accuracy']:10.2%}"
        lines.append(f"{row['name']:12}{figures}  {'; '.join(notes)}".rstrip())
    lines += [f"{name:12}  skipped: {package} is not installed" for name, package in result["missing"].items()]
    lines += [
        "",
        f"bare products {result['floor_ms']:.1f} ms; the step takes {stack / result['floor_ms']:.2f} times that",
        f"evaluation on the full sets {result['evaluation_ms']:.1f} ms: adds {result['evaluation_ms'] / stack:.0%}",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32, help="images per mini-batch")
    parser.add_argument("--networks", type=int, default=32, help="networks trained at once")
    parser.add_argument("--hidden", type=int, nargs="+", default=[16, 16], help="neurons per hidden layer")
    parser.add_argument("--rounds", type=int, default=3, help="epochs per peer")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    given = parser.parse_args()
    task = {"batch": given.batch, "networks": given.networks, "hidden": given.hidden}
    result = compare(task, given.rounds)
    print(json.dumps(result) if given.json else f"{table(result)}\n")


if __name__ == "__main__":
    main()
