"""Worker processes see the sweep's surroundings as they are now, and one that dies harms no other."""

import os
import tempfile
from concurrent.futures import BrokenExecutor
from multiprocessing import active_children

import pytest

from flows.sweep.processes import WorkerProcesses, started_ahead, worker_processes

pytestmark = pytest.mark.slow  # a process imports what workers need, which takes seconds


def test_workers_of_a_second_sweep_see_its_folders_and_variables(monkeypatch, tmp_path):
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setenv("OF_THIS_SWEEP", name)
        with WorkerProcesses(1) as processes:
            assert processes.run(os.getcwd) == str(folder)
            assert processes.run(tempfile.gettempdir) == str(folder)
            assert processes.run(os.getenv, "OF_THIS_SWEEP") == name


def test_a_worker_that_dies_fails_its_own_stack_only_and_another_takes_its_place():
    with WorkerProcesses(2) as processes:
        with pytest.raises(BrokenExecutor):
            processes.run(os.abort)
        assert len({processes.run(os.getpid) for _ in range(2)}) == 2


def test_workers_that_start_ahead_are_those_of_the_sweep_and_end_with_it():
    with started_ahead(2):
        assert len(early := {worker.pid for worker in active_children()}) == 2
        with worker_processes(2) as processes:
            assert {processes.run(os.getpid) for _ in range(2)} == early
        assert active_children() == []
        with worker_processes(1) as processes:
            assert processes.run(os.getpid) not in early, "they can be used once"


def test_workers_that_no_sweep_has_taken_are_not_waited_for():
    with started_ahead(1):
        (worker,) = active_children()
    assert not worker.is_alive()
    assert worker.exitcode != 0, "it was killed while it imported"
