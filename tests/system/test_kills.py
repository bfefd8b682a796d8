"""Processes of sweeps are killed at random moments: nothing hangs, and nothing is lost, doubled or left behind.

``make test-kills KILLS=100 SEED=0`` kills more often than the tests do.
"""

import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.system.processes import command_line, descendants

pytestmark = [pytest.mark.system, pytest.mark.slow]

KILLS, SEED = int(os.environ.get("KILLS", "5")), int(os.environ.get("SEED", "0"))
EPOCHS, CELLS = 20, 24
SWEEP = f"""
data: {{name: digits}}
networks: [{{hidden: [24]}}, {{hidden: [32]}}, {{hidden: [40]}}]
descent: {{epochs: {EPOCHS}, learning_rate: 1.0}}
corruption: {{fractions: [0, 0.5]}}
"""
# Words in the command lines of the processes of a sweep.
TARGETS = {"server": "uvicorn", "worker": "multiprocessing-fork", "supervisor": "flows.platform.supervisor"}
FAULTS = ("hangs", "unexplained", "lost", "doubled", "partial", "running", "processes", "files")
COLUMNS = ("kills", "success", "error line", *FAULTS)
# From the last sign of life among its children to the end of the command; from the kill to the end.
SILENCE_SECONDS, PATIENCE_SECONDS = 60, 180


class Sweep:
    """A sweep of 24 cells that no other sweep of the store has, and what was noticed about it."""

    def __init__(self, workplace, number: int) -> None:
        self.workplace, self.name = workplace, f"sweep-{number}"
        seeds = f"{4 * number}-{4 * number + 3}"
        self.arguments = ("run", "sweep.yaml", "--set", f"name={self.name}", "--seeds", seeds)
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        """Start it in a process group of its own."""
        self.process, self.begun = self.workplace.start(*self.arguments), time.monotonic()

    def age(self) -> float:
        return time.monotonic() - self.begun

    def family(self) -> list[psutil.Process]:
        """The processes that the command has started."""
        return descendants(self.process.pid)

    def find(self, target: str) -> list[psutil.Process]:
        """The living processes that play a part."""
        found = [process for process in self.family() if TARGETS[target] in " ".join(command_line(process))]
        # The supervisor's command line holds that of the server.
        supervisor = TARGETS["supervisor"]
        return [process for process in found if target != "server" or supervisor not in command_line(process)]

    def kill(self, target: str, rng: random.Random, duration: float) -> bool:
        """Kill a target at a random moment of its life; False if the sweep ended before."""
        if target in TARGETS:
            while not self.find(target):
                if self.process.poll() is not None:
                    return False
                time.sleep(0.02)
        time.sleep(max(0, rng.uniform(0, duration - self.age())))
        if self.process.poll() is not None:
            return False
        if target == "parent":
            self.process.kill()
        elif target == "group":
            os.killpg(self.process.pid, signal.SIGKILL)
        elif found := self.find(target):
            rng.choice(found).kill()
        else:
            return False
        return True

    def wait(self, target: str) -> None:
        """Wait for the end of the command, and note how it ended."""
        killed = seen = time.monotonic()
        while self.process.poll() is None:
            seen = time.monotonic() if self.family() else seen
            if time.monotonic() > min(seen + SILENCE_SECONDS, killed + PATIENCE_SECONDS):
                self.note("hangs", f"no end {time.monotonic() - killed:.0f} s after the kill")
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            time.sleep(0.1)
        code, said = self.process.returncode, self.workplace.output()
        if code == 0:
            self.counts["success"] += 1
        elif target not in ("parent", "group"):
            if code in (1, 2) and "mlp:" in said:
                self.counts["error line"] += 1
            else:
                self.note("unexplained", f"exit code {code}")
        if "Traceback" in said:
            self.note("unexplained", "a traceback")
        self.note_processes()

    def note_processes(self) -> None:
        """Note processes that outlive the command."""
        deadline = time.monotonic() + 30
        while (left := self.workplace.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in left:
            self.note("processes", " ".join(command_line(process)))
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def complete(self) -> None:
        """Run the command again until every cell has finished, then check the cells and the files."""
        for _ in range(3):
            finished = len(self.workplace.finished_runs(self.name)) >= CELLS
            if finished and not self.workplace.runs("sweep", self.name)["RUNNING"]:
                break
            try:
                again = self.workplace.mlp(*self.arguments)
            except subprocess.TimeoutExpired:
                self.note("hangs", "the next run")
                continue
            if again.returncode:
                self.note("unexplained", f"the next run: {again.stdout}{again.stderr}")
            if "Traceback" in again.stdout + again.stderr:
                self.note("unexplained", f"a traceback in the next run: {again.stdout}{again.stderr}")
            self.note_files(self.workplace.folder / "mlruns" / "temporary")
            self.note_processes()
        runs = self.workplace.finished_runs(self.name)
        keys = {key for key, _ in runs}
        for found in range(len(keys), CELLS):
            self.note("lost", f"cell {found + 1} of {CELLS}")
        for _ in range(len(runs) - len(keys)):
            self.note("doubled", "a cell")
        for _, run in runs:
            points = [(name, step) for name, step, _ in self.workplace.points(run)]
            if len(set(points)) != len(points):
                self.note("doubled", f"points of {run}")
            if [step for name, step in points if name == "test/accuracy"] != list(range(EPOCHS + 1)):
                self.note("partial", f"the curve of {run}")
        for kind in ("cell", "sweep"):
            for _ in range(self.workplace.runs(kind, self.name)["RUNNING"]):
                self.note("running", f"the run of a {kind}")
        self.note_files(Path(tempfile.gettempdir()))

    def note_files(self, folder: Path) -> None:
        """Note what is in a folder that should be empty, and the working folder if it holds more than it should."""
        left = set(folder.iterdir()) if folder.exists() else set()
        left |= {path for path in self.workplace.folder.iterdir() if path.name not in EXPECTED}
        for path in left:
            self.note("files", str(path))

    def note(self, fault: str, what: str) -> None:
        self.counts[fault] += 1
        print(f"\n{self.name}: {fault}: {what}\n{self.workplace.output()}", flush=True)


EXPECTED = ("mlruns", "sweep.yaml", "out.txt")


def table(counts: dict[str, Counter[str]]) -> str:
    """What happened, a line for each target."""
    total: Counter[str] = Counter()
    for noted in counts.values():
        total += noted
    widths = [max(len(column), 5) + 2 for column in COLUMNS]
    lines = ["target    " + "".join(f"{column:>{width}}" for column, width in zip(COLUMNS, widths, strict=True))]
    for target, noted in (counts | {"all": total}).items():
        cells = (f"{noted[column]:>{width}}" for column, width in zip(COLUMNS, widths, strict=True))
        lines.append(f"{target:10}" + "".join(cells))
    return "\n".join(lines)


def test_kills_at_random_moments_hang_lose_double_and_leave_nothing(workplace):
    (workplace.folder / "sweep.yaml").write_text(SWEEP)
    rng = random.Random(SEED)
    counts = {target: Counter[str]() for target in ("server", "worker", "supervisor", "parent", "group")}
    sweep = Sweep(workplace, 0)
    sweep.start()
    assert sweep.process.wait(240) == 0, workplace.output()
    duration = sweep.age()
    number = 0
    for target in [list(counts)[(SEED + i) % len(counts)] for i in range(KILLS)]:
        killed = False
        while not killed:
            number += 1
            sweep = Sweep(workplace, number)
            sweep.start()
            killed = sweep.kill(target, rng, duration)
            if not killed:
                sweep.process.wait(PATIENCE_SECONDS)
                duration = sweep.age()
        at = sweep.age()
        sweep.wait(target)
        ended = sweep.age()
        sweep.complete()
        counts[target] += sweep.counts + Counter(kills=1)
        print(
            f"{sweep.name}: {target} killed at {at:.1f} s, exit code {sweep.process.returncode} after {ended:.1f} s, "
            f"complete after {sweep.age():.1f} s",
            flush=True,
        )
    print(f"\n{table(counts)}")
    assert not any(noted[fault] for noted in counts.values() for fault in FAULTS)
