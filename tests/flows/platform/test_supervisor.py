"""A supervised program runs as long as the process that started it, and no longer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from flows.platform import supervisor

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do this")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes at once")

WAITS = "import time; time.sleep(60)"
# Starts a child in a session of its own, and prints the process ids of both.
FAMILY = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{WAITS}"], start_new_session=True)
print(os.getpid(), child.pid, flush=True)
"""
IGNORES_SIGTERM = (
    "import signal, os; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True)\n" + WAITS
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(log: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A function that starts a program under a supervisor."""
    with ExitStack() as stack:

        def start(program: str, grace_seconds: float = 10) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-c", program]
            return stack.enter_context(supervisor.start(command, grace_seconds, log, dict(os.environ)))

        yield start


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"timed out after {seconds} s"
        time.sleep(0.02)


def printed_processes(log: Path, count: int) -> list[psutil.Process]:
    """Wait until the program has printed process ids; returns the processes."""
    wait_until(lambda: log.exists() and len(log.read_text().split()) == count and log.read_text().endswith("\n"))
    return [psutil.Process(int(pid)) for pid in log.read_text().split()]


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that have not ended after some seconds."""
    return psutil.wait_procs(processes, timeout=8)[1]


def test_the_supervisor_passes_on_the_exit_code_and_appends_the_output_to_the_log(start, log):
    log.write_text("before\n")
    assert start("import sys; print('said'); sys.exit('wrong')").wait(20) == 1
    assert log.read_text() == "before\nsaid\nwrong\n" or log.read_text() == "before\nwrong\nsaid\n"


def test_closing_the_supervisors_input_ends_the_program_and_its_children(start, log):
    process = start(FAMILY + WAITS)
    family = printed_processes(log, 2)
    process.communicate(timeout=20)
    assert still_running(family) == []


def test_children_of_a_program_that_ends_by_itself_are_ended_too(start, log):
    process = start(FAMILY + "import time; time.sleep(0.2)")
    family = printed_processes(log, 2)
    assert process.wait(20) == 0
    if sys.platform == "linux":
        assert still_running(family) == []
    else:
        family[1].kill()  # other systems can't find them


@posix
def test_a_program_that_ignores_sigterm_is_killed_after_its_grace_period(start, log):
    process = start(IGNORES_SIGTERM, grace_seconds=0.3)
    (program,) = printed_processes(log, 1)
    process.communicate(timeout=20)
    assert still_running([program]) == []


@posix
def test_the_supervisor_ignores_signals_and_ends_when_its_input_closes(start, log):
    process = start("import os; print(os.getpid(), flush=True)\n" + WAITS)
    (program,) = printed_processes(log, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    time.sleep(0.3)
    assert program.is_running()
    process.communicate(timeout=20)
    assert still_running([program]) == []


def test_a_program_ends_when_the_process_that_started_it_is_killed(log, tmp_path):
    starter = tmp_path / "starter.py"
    starter.write_text(
        "import os, sys, time\nfrom pathlib import Path\nfrom flows.platform import supervisor\n"
        f"supervisor.start([sys.executable, '-c', {FAMILY + WAITS!r}], 10, Path({str(log)!r}), dict(os.environ))\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, str(starter)])
    family = printed_processes(log, 2)
    process.kill()
    process.wait()
    assert still_running(family) == []


@linux
def test_a_program_ends_when_its_supervisor_is_killed(start, log):
    process = start("import os; print(os.getpid(), flush=True)\n" + WAITS)
    (program,) = printed_processes(log, 1)
    process.kill()
    process.communicate()
    assert still_running([program]) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the program of a supervisor that is killed")
@pytest.mark.parametrize("moment", ["sleep(2); bind()", "bind(); sleep(2)"])
def test_a_program_ends_even_if_its_supervisor_is_killed_while_it_starts(tmp_path, moment):
    pid = tmp_path / "pid"
    parent = subprocess.Popen([
        sys.executable, "-c",
        "import os, signal, subprocess, sys\nfrom pathlib import Path\nfrom time import sleep\n"
        "from flows.platform.system import bound_to_this_process\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: None)\n"
        "bind = bound_to_this_process()['preexec_fn']\n"
        "def begin():\n"
        f"    Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        f"    {moment}\n"
        f"subprocess.Popen([sys.executable, '-c', {WAITS!r}], preexec_fn=begin)",
    ])  # fmt: skip
    wait_until(lambda: pid.exists() and pid.read_text())
    program = psutil.Process(int(pid.read_text()))
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    assert not still_running([program])


@posix
def test_ctrl_c_in_the_terminal_does_not_reach_the_program(start, log):
    process = start("import os; print(os.getpid(), flush=True)\n" + WAITS)
    (program,) = printed_processes(log, 1)
    assert os.getsid(program.pid) == process.pid != os.getsid(0)
    process.communicate(timeout=20)
    assert still_running([program]) == []
