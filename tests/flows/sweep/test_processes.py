"""Worker processes see the sweep's surroundings as they are now, report, and one that dies harms no other."""

import os
import tempfile
from collections.abc import Callable
from multiprocessing import active_children
from typing import Any

import pytest

from flows.sweep.processes import WorkerDied, WorkerProcesses

pytestmark = pytest.mark.slow  # a process imports what workers need


@pytest.fixture(autouse=True)
def workers_find_this_module(monkeypatch, request):
    monkeypatch.syspath_prepend(request.config.rootpath)


def value_of(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a worker, which passes its way to report as the last argument."""
    return function(*arguments[:-1])


def count(most: int, report: Callable[[int], None]) -> str:
    for number in range(most):
        report(number)
    return "done"


def count_for_ever(report: Callable[[int], None]) -> None:
    while True:
        report(0)


def die_in_a_report(report: Callable[[bytes], None]) -> None:
    report(b"whole")
    os.write(report.__self__.fileno(), b"\x00\x00\x01\x00abc")  # 3 bytes of 256
    os.abort()


def ask(processes: WorkerProcesses, function: Callable[..., Any], *arguments: Any) -> Any:
    return processes.run(value_of, function, *arguments, on_report=pytest.fail)


def test_workers_of_a_second_sweep_see_its_folders_and_variables(monkeypatch, tmp_path):
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setenv("OF_THIS_SWEEP", name)
        with WorkerProcesses(1) as processes:
            assert ask(processes, os.getcwd) == str(folder)
            assert ask(processes, tempfile.gettempdir) == str(folder)
            assert ask(processes, os.getenv, "OF_THIS_SWEEP") == name


def test_all_reports_of_a_call_arrive_in_order_before_its_result():
    with WorkerProcesses(1) as processes:
        for most in (0, 5, 1000):
            reports: list[int] = []
            assert processes.run(count, most, on_report=reports.append) == "done"
            assert reports == list(range(most))


def test_an_exception_comes_home_after_the_reports_before_it():
    with WorkerProcesses(1) as processes:
        reports: list[int] = []
        with pytest.raises(TypeError):
            processes.run(count, "many", on_report=reports.append)
        assert processes.run(count, 2, on_report=reports.append) == "done", "another process takes its place"
        assert reports == [0, 1]


def test_a_call_whose_report_is_refused_ends_and_its_process_too():
    def refuse(report: int) -> None:
        raise KeyError(report)

    with WorkerProcesses(1) as processes:
        with pytest.raises(KeyError):
            processes.run(count_for_ever, on_report=refuse)
        assert active_children() == []


def test_a_worker_that_dies_fails_its_own_stack_only_and_another_takes_its_place():
    with WorkerProcesses(2) as processes:
        with pytest.raises(WorkerDied):
            ask(processes, os.abort)
        assert len({ask(processes, os.getpid) for _ in range(2)}) == 2


def test_a_worker_that_dies_in_the_middle_of_a_report_is_noticed():
    reports: list[bytes] = []
    with WorkerProcesses(1) as processes, pytest.raises(WorkerDied):
        processes.run(die_in_a_report, on_report=reports.append)
    assert reports == [b"whole"]


def test_workers_end_with_the_sweep():
    with WorkerProcesses(2) as processes:
        worker = ask(processes, os.getpid)
        assert worker in [process.pid for process in active_children()]
    assert active_children() == []
