"""A sweep that is killed, or interrupted, loses no finished cell and leaves no half of one behind."""

import contextlib
import os
import pty
import random
import re
import signal
import time

import psutil
import pytest

from tests.system.processes import command_line, descendants

pytestmark = [pytest.mark.system, pytest.mark.slow]

EPOCHS = 40
SWEEP = f"""
name: crash
data: {{name: digits}}
networks: [{{hidden: [24]}}, {{hidden: [32]}}, {{hidden: [40]}}]
descent: {{epochs: {EPOCHS}, learning_rate: 1.0}}
corruption: {{fractions: [0, 0.5]}}
seeds: 0-3
"""
CELLS = 24
# A stack that ends soon, and one that trains on.
SHORT_AND_LONG = """
name: interrupted
data: {name: digits, rows: [100, null]}
descent: {epochs: 600, learning_rate: 1.0}
seeds: 0-3
"""


@pytest.fixture
def sweep(workplace):
    """A folder with an experiment of 24 cells in six stacks."""
    (workplace.folder / "crash.yaml").write_text(SWEEP)
    return workplace


def test_a_sweep_killed_at_ten_random_moments_ends_with_every_cell_once_and_as_if_undisturbed(sweep, shared_workplace):
    (shared_workplace.folder / "crash.yaml").write_text(SWEEP)
    begun = time.monotonic()
    assert shared_workplace.mlp("run", "crash.yaml").returncode == 0
    undisturbed = time.monotonic() - begun
    rng = random.Random(0)
    for _ in range(10):
        process = sweep.start("run", "crash.yaml")
        time.sleep(rng.uniform(0.3, 0.95) * undisturbed)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(sweep.processes(), timeout=30)
        assert alive == [], "no process outlives the one that was killed"
    last = sweep.mlp("run", "crash.yaml")
    assert last.returncode == 0, last.stderr
    cells = sweep.finished_cells()
    assert len(cells) == CELLS
    for points in cells.values():
        assert [step for name, step, _ in points if name == "test/accuracy"] == list(range(EPOCHS + 1))
        assert len({(name, step) for name, step, _ in points}) == len(points), "no point is doubled"
    assert cells == shared_workplace.finished_cells()
    assert sweep.runs("sweep") == {"FINISHED": 1}, "one sweep was continued, again and again"
    assert sweep.runs("cell")["RUNNING"] == 0


class Terminal:
    """A terminal in which a sweep runs."""

    def __init__(self, workplace) -> None:
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(workplace.folder)
            os.execve(workplace.command, [workplace.command, "run", "sweep.yaml"], workplace.environment())
        os.set_blocking(self.terminal, False)
        self.said, self.closed = b"", False

    def listen(self) -> bytes:
        """Everything that was printed until now."""
        with contextlib.suppress(BlockingIOError, OSError):
            while not self.closed and (more := os.read(self.terminal, 1_000_000)):
                self.said += more
        return self.said

    def ask_to_end(self, by: str) -> None:
        if by == "Ctrl-C":
            os.write(self.terminal, b"\x03")  # reaches every process of the terminal's group
        elif by == "SIGTERM":
            os.kill(self.child, signal.SIGTERM)
        else:
            os.close(self.terminal)
            self.closed = True

    def exit_code(self, seconds: float) -> int:
        """Wait for the end."""
        deadline = time.monotonic() + seconds
        while not (ended := os.waitpid(self.child, os.WNOHANG))[0]:
            self.listen()
            assert time.monotonic() < deadline, f"waited {seconds} s in vain; so far: {self.said.decode()}"
            time.sleep(0.1)
        self.listen()
        return os.waitstatus_to_exitcode(ended[1])


@pytest.fixture
def starting(workplace) -> Terminal:
    """A sweep of two stacks that has just begun in a terminal."""
    (workplace.folder / "sweep.yaml").write_text(SHORT_AND_LONG)
    (workplace.folder / "out.txt").touch()
    return Terminal(workplace)


@pytest.fixture
def terminal(workplace, starting) -> Terminal:
    """The same sweep when one of its stacks has ended and the other trains."""
    terminal = starting
    workplace.wait_until(
        lambda: terminal.listen() is not None and workplace.runs("cell") == {"FINISHED": 4, "RUNNING": 4}
    )
    return terminal


@pytest.mark.parametrize("by", ["Ctrl-C", "SIGTERM", "closed terminal"])
def test_an_interrupted_sweep_closes_its_runs_and_keeps_what_was_finished(workplace, terminal, by):
    terminal.ask_to_end(by)
    assert terminal.exit_code(60) == 130
    assert b"Traceback" not in terminal.said
    assert b"run the same command again" in terminal.said or terminal.closed
    assert workplace.runs("cell") == {"FINISHED": 4, "KILLED": 4}
    assert workplace.runs("sweep") == {"KILLED": 1}
    kept = workplace.folder / "mlruns" / "checkpoints"
    assert len(list(kept.glob("*.npz"))) == 1, "the stack that was interrupted goes on from here"
    again = workplace.mlp("run", "sweep.yaml")
    assert again.returncode == 0
    assert len(workplace.finished_cells()) == 8
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize("by", ["Ctrl-C", "closed terminal"])
def test_a_sweep_that_is_interrupted_while_its_workers_start_ends_like_any_other(workplace, starting, by):
    def workers() -> list[psutil.Process]:
        starting.listen()
        family = descendants(starting.child)
        return [process for process in family if "multiprocessing-fork" in " ".join(command_line(process))]

    workplace.wait_until(workers)  # they start before the store is opened
    family = descendants(starting.child)
    starting.ask_to_end(by)
    assert starting.exit_code(60) == 130
    assert b"Traceback" not in starting.said
    assert psutil.wait_procs(family, timeout=20)[1] == []
    again = workplace.mlp("run", "sweep.yaml")
    assert again.returncode == 0, again.stderr
    assert workplace.runs("cell")["RUNNING"] == 0
    assert len(workplace.finished_cells()) == 8


def test_a_second_ctrl_c_ends_a_sweep_within_ten_seconds_even_if_prefects_server_hangs(workplace, terminal):
    family = descendants(terminal.child)
    # Its supervisor has the same words further on in its command line.
    server = next(process for process in family if command_line(process)[2:3] == ["uvicorn"])
    server.suspend()
    terminal.ask_to_end("Ctrl-C")
    workplace.wait_until(lambda: workplace.runs("sweep") == {"KILLED": 1})
    time.sleep(2)  # it waits for an answer of the server
    terminal.ask_to_end("Ctrl-C")
    assert terminal.exit_code(10) == 130
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert list((workplace.folder / "mlruns" / "temporary").iterdir()) == []


def test_a_sweep_that_is_suspended_for_a_minute_goes_on_as_if_undisturbed(workplace, terminal):
    os.killpg(terminal.child, signal.SIGSTOP)
    time.sleep(60)
    os.killpg(terminal.child, signal.SIGCONT)
    assert terminal.exit_code(120) == 0
    assert workplace.runs("cell") == {"FINISHED": 8}
    assert workplace.runs("sweep") == {"FINISHED": 1}


def test_on_a_full_disk_a_sweep_starts_no_runs_that_could_not_finish(sweep, small_disk):
    assert sweep.mlp("run", "demo", "--data", "digits").returncode == 0
    filler = sweep.folder / "mlruns" / "filler"
    filler.write_bytes(bytes(psutil.disk_usage(str(filler.parent)).free - 3_000_000))
    for _ in range(2):
        failed = sweep.mlp("run", "crash.yaml")
        said = " ".join((failed.stdout + failed.stderr).split())
        assert failed.returncode == 1
        assert re.search(rf"MB free in {filler.parent}, a stack needs \d+\)", said)
        assert "Traceback" not in said
    assert sweep.runs("cell", "crash") == {}
    filler.unlink()
    assert sweep.mlp("run", "crash.yaml").returncode == 0
    assert sweep.runs("cell", "crash") == {"FINISHED": CELLS}


def test_a_sweep_that_is_interrupted_while_it_starts_ends_at_once_and_leaves_nothing_behind(workplace):
    process = workplace.start("run", "demo", "--data", "digits")
    workplace.wait_until(lambda: len(workplace.processes()) > 1)  # Prefect's server starts
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert "stopped; nothing was trained" in workplace.output()
    assert "Traceback" not in workplace.output()
    _, alive = psutil.wait_procs(workplace.processes(), timeout=10)
    assert alive == []
    assert workplace.runs("sweep") == {}
