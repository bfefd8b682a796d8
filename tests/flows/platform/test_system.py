"""A function with a version for each platform does the same on all of them."""

import os
import platform
import signal
import subprocess
import sys

import pytest

from flows.platform import system

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither file modes nor these signals")


def evaluate(expression: str, *wrapper: str) -> str:
    """The value of an expression that uses `system`, as printed by a new process."""
    program = f"from flows.platform import system; print({expression})"
    return subprocess.run(
        [*wrapper, sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_there_is_at_least_one_core_and_no_more_than_the_machine_has():
    assert 1 <= system.cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has sched_setaffinity")
def test_a_process_confined_to_one_core_counts_one():
    program = f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}])"
    assert evaluate(f"(exec({program!r}), system.cores())[1]") == "1"


@posix
def test_closing_the_terminal_ends_a_process_unless_it_runs_under_nohup():
    assert signal.SIGHUP in system.end_signals()
    assert "SIGHUP" in evaluate("system.end_signals()")
    assert "SIGHUP" not in evaluate("system.end_signals()", "nohup")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_a_process_on_every_system(number):
    assert number in system.end_signals()


@posix
def test_a_private_file_is_readable_only_by_its_owner_even_if_it_replaces_a_public_one(tmp_path):
    path = tmp_path / "secret"
    path.write_text("public")
    path.chmod(0o644)
    assert system.readable_by_others(path)
    with system.create_private(path) as file:
        file.write("secret")
    assert path.read_text() == "secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not system.readable_by_others(path)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries don't know the variables")
def test_with_the_allocators_variables_glibc_returns_a_freed_array_to_the_system():
    program = """
import numpy, psutil
def memory(): return psutil.Process().memory_info().rss
array = numpy.ones(2_000_000); del array  # glibc takes the next arrays of this size from its heap
before = memory(); array = numpy.ones(1_500_000); above = [numpy.ones(10_000) for _ in range(40)]; del array
print(memory() - before > 12_000_000)
"""
    command = [sys.executable, "-c", program]
    without = {name: value for name, value in os.environ.items() if name not in system.ALLOCATOR}
    assert subprocess.check_output(command, text=True, env=without) == "True\n"
    assert subprocess.check_output(command, text=True, env=without | system.ALLOCATOR) == "False\n"
