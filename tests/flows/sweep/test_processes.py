"""Worker processes see the sweep's surroundings as they are now, and one that dies harms no other."""

import os
import tempfile
from concurrent.futures import BrokenExecutor

import pytest

from flows.sweep.processes import WorkerProcesses

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
