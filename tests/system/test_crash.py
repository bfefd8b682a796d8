"""A sweep that is killed, or interrupted, loses no finished cell and leaves no half of one behind."""

import contextlib
import os
import pty
import random
import signal
import time

import psutil
import pytest

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
data: {name: digits}
networks: [{hidden: [16]}, {hidden: [128]}]
descent: {epochs: 150, learning_rate: 1.0}
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


@pytest.mark.parametrize("by", ["Ctrl-C", "SIGTERM"])
def test_an_interrupted_sweep_closes_its_runs_and_keeps_what_was_finished(workplace, by):
    (workplace.folder / "interrupted.yaml").write_text(SHORT_AND_LONG)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(workplace.folder)
        os.execve(workplace.command, [workplace.command, "run", "interrupted.yaml"], workplace.environment())
    os.set_blocking(terminal, False)
    said = b""

    def listen() -> bytes:
        nonlocal said
        with contextlib.suppress(BlockingIOError, OSError):
            said += os.read(terminal, 1_000_000)
        return said

    (workplace.folder / "out.txt").touch()
    workplace.wait_until(lambda: listen() is not None and workplace.runs("cell") == {"FINISHED": 4, "RUNNING": 4})
    if by == "Ctrl-C":
        os.write(terminal, b"\x03")  # reaches every process of the terminal's group
    else:
        os.kill(child, signal.SIGTERM)
    begun = time.monotonic()
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        listen()
        assert time.monotonic() - begun < 60
        time.sleep(0.1)
    assert os.waitstatus_to_exitcode(ended[1]) == 130
    assert b"Traceback" not in listen()
    assert b"run the same command again" in said
    assert workplace.runs("cell") == {"FINISHED": 4, "KILLED": 4}
    assert workplace.runs("sweep") == {"KILLED": 1}
    again = workplace.mlp("run", "interrupted.yaml")
    assert again.returncode == 0
    assert len(workplace.finished_cells()) == 8


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
