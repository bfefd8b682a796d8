"""Sweeps that were interrupted are found and continued; those that live are left alone."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from flows.plan.experiment import Experiment
from flows.platform.identity import is_running, this_process
from flows.store.artifacts import read_cells, read_experiment
from flows.sweep.events import EpochEnded, Loaded, StackBegan, SweepPlanned
from flows.sweep.ownership import (
    BEGUN,
    HEARTBEAT,
    OWNER,
    PROGRESS,
    Lease,
    begin_sweep,
    claimed,
    heartbeat,
    is_alive,
    latest_sweep_of,
    living_sweeps,
    ownership,
)
from flows.sweep.progress import Progress, Stopped

EXPERIMENT = Experiment(name="some")
CELLS = {cell.key("digest"): cell for cell in EXPERIMENT.cells()}
DEAD = f"{socket.gethostname()} 999999 1.00"
ELSEWHERE = "another-machine 1 1.00"


@pytest.fixture
def experiment_id(store) -> str:
    return store.experiment("some")


@pytest.fixture
def sweep(store, experiment_id) -> str:
    return begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=False)


def open_cell(store, experiment_id: str, sweep_id: str) -> str:
    tags = {"kind": "cell", "sweep": sweep_id, "cell": next(iter(CELLS))}
    return store.client.create_run(experiment_id, tags=tags).info.run_id


def status(store, run_id: str) -> str:
    return store.client.get_run(run_id).info.status


@pytest.mark.parametrize("name", ["cells.json", "experiment.yaml"])
@pytest.mark.parametrize("content", [None, "", "{", "name: ["])
def test_an_interrupted_sweep_whose_plan_is_gone_or_damaged_is_continued_with_a_new_one(
    store, experiment_id, sweep, name, content
):
    path = Path(store.client.get_run(sweep).info.artifact_uri, name)
    path.unlink() if content is None else path.write_text(content)
    store.client.set_terminated(sweep, "KILLED")
    assert begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=False) == sweep
    run = store.client.get_run(sweep)
    assert read_cells(store.client, run) == {key: cell.name for key, cell in CELLS.items()}
    assert read_experiment(store.client, run) == EXPERIMENT


def test_a_sweep_that_was_killed_before_it_wrote_anything_is_continued(store, experiment_id, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(store.client, "set_tag", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=False)
    (killed,) = living_sweeps(store.client, experiment_id)
    store.client.set_terminated(killed.info.run_id, "KILLED")
    assert begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=False) == killed.info.run_id
    run = store.client.get_run(killed.info.run_id)
    assert run.data.tags["sweep"] == killed.info.run_id
    assert read_cells(store.client, run).keys() == CELLS.keys()


@pytest.mark.parametrize("value", [None, "", "yesterday", "a b c", "nan"])
@pytest.mark.parametrize("tag", [OWNER, HEARTBEAT, BEGUN])
def test_a_tag_that_somebody_has_removed_or_edited_is_no_error(store, experiment_id, sweep, tag, value):
    store.client.delete_tag(sweep, tag) if value is None else store.client.set_tag(sweep, tag, value)
    assert claimed(store.client, "another", [store.client.get_run(sweep)]).keys() in (CELLS.keys(), set())
    with suppress(Stopped):
        Lease(store.client, sweep, this_process()).check()
    with suppress(Stopped):
        Lease(store.client, sweep, ELSEWHERE).check()
    assert len(living_sweeps(store.client, experiment_id)) <= 1


def test_this_process_lives():
    assert is_running(this_process())


def test_a_process_that_ended_does_not_live_even_before_it_is_collected():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    named = f"{socket.gethostname()} {child.pid} {psutil.Process(child.pid).create_time():.2f}"
    assert is_running(named)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_running(named) is False
    child.communicate()
    assert is_running(named) is False


def test_another_process_with_the_same_id_is_not_the_owner():
    host, pid, started = this_process().split()
    assert is_running(f"{host} {pid} {float(started) - 100:.2f}") is False


@pytest.mark.parametrize(("silent_for", "alive"), [(10, True), (3600, False)])
def test_a_sweep_of_another_machine_lives_as_long_as_its_heart_beats(store, sweep, silent_for, alive):
    store.client.set_tag(sweep, OWNER, ELSEWHERE)
    store.client.set_tag(sweep, HEARTBEAT, f"{time.time() - silent_for:.0f}")
    assert is_alive(store.client.get_run(sweep)) == alive


def test_runs_that_a_dead_process_left_open_are_marked_killed(store, experiment_id, sweep):
    cell = open_cell(store, experiment_id, sweep)
    store.client.set_tag(sweep, OWNER, DEAD)
    assert living_sweeps(store.client, experiment_id) == []
    assert status(store, sweep) == status(store, cell) == "KILLED"
    assert store.client.get_run(cell).data.tags["message"] == "its process died"


def test_runs_of_a_sweep_that_lives_stay_open(store, experiment_id, sweep):
    cell = open_cell(store, experiment_id, sweep)
    assert [run.info.run_id for run in living_sweeps(store.client, experiment_id)] == [sweep]
    assert status(store, sweep) == status(store, cell) == "RUNNING"


def test_runs_that_others_keep_in_the_experiment_are_none_of_our_business(store, experiment_id):
    run_id = store.client.create_run(experiment_id).info.run_id
    living_sweeps(store.client, experiment_id)
    assert status(store, run_id) == "RUNNING"


def test_an_interrupted_sweep_of_the_same_cells_is_continued(store, experiment_id, sweep):
    store.client.set_terminated(sweep, "KILLED")
    assert begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=False) == sweep
    assert status(store, sweep) == "RUNNING"
    assert is_alive(store.client.get_run(sweep))


def test_a_finished_sweep_is_not_continued(store, experiment_id, sweep):
    store.client.set_terminated(sweep, "FINISHED")
    assert begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=False) != sweep


def test_an_interrupted_sweep_of_other_cells_is_not_continued(store, experiment_id, sweep):
    store.client.set_terminated(sweep, "KILLED")
    assert latest_sweep_of(store.client, experiment_id, ["other"]) is None


def test_by_force_a_sweep_begins_anew(store, experiment_id, sweep):
    store.client.set_terminated(sweep, "KILLED")
    assert begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=True) != sweep


def test_of_two_sweeps_that_want_a_cell_the_one_that_began_first_has_it(store, experiment_id, sweep):
    second = begin_sweep(store.client, experiment_id, EXPERIMENT, CELLS, anew=True)
    for run_id, begun in ((sweep, 1.0), (second, 2.0)):
        store.client.set_tag(run_id, BEGUN, str(begun))
    living = living_sweeps(store.client, experiment_id)
    assert claimed(store.client, second, living) == dict.fromkeys(CELLS, sweep)
    assert claimed(store.client, sweep, living) == {}


def test_a_stack_ends_when_its_sweep_was_taken_over(store, sweep):
    lease = Lease(store.client, sweep, store.client.get_run(sweep).data.tags[OWNER])
    lease.check()
    store.client.set_tag(sweep, OWNER, ELSEWHERE)
    lease.next_check = 0
    with pytest.raises(Stopped, match="took it over"):
        lease.check()


def test_a_stack_ends_when_its_sweep_was_ended(store, sweep):
    lease = Lease(store.client, sweep, ownership()[OWNER])
    store.client.set_terminated(sweep, "KILLED")
    with pytest.raises(Stopped, match="ended"):
        lease.check()


def check_after_an_hour(store, sweep, owner: str) -> None:
    """Check a lease twice, with an hour without a heartbeat in between."""
    store.client.set_tag(sweep, OWNER, owner)
    lease = Lease(store.client, sweep, owner)
    lease.check()
    lease.seen -= 3600
    lease.next_check = 0
    lease.check()


def test_a_stack_ends_when_its_sweep_on_another_machine_falls_silent(store, sweep):
    with pytest.raises(Stopped, match="heartbeat of the sweep stopped"):
        check_after_an_hour(store, sweep, ELSEWHERE)


def test_a_stack_goes_on_after_an_hour_of_ctrl_z_with_its_sweep_on_this_machine(store, sweep):
    check_after_an_hour(store, sweep, this_process())


def test_a_stack_ends_when_the_process_of_its_sweep_on_this_machine_was_killed(store, sweep):
    with pytest.raises(Stopped, match="process of the sweep has ended"):
        check_after_an_hour(store, sweep, DEAD)


def test_a_heart_beats_and_reports_and_passes_on_the_wish_to_stop(store, sweep, monkeypatch):
    monkeypatch.setattr("flows.sweep.ownership.HEARTBEAT_SECONDS", 0.05)
    progress = Progress()
    progress.plan(SweepPlanned(cells=4, done=5, work=4.0, epochs=10))
    progress.take(StackBegan("seeds 0-2", (0.0, 0.0, 0.0), work=3.0), 0)
    progress.take(Loaded({}, 10, ()), 0)
    progress.take(EpochEnded(2, {"test/accuracy": np.array([0.4, 0.5, 0.6])}), 0)
    store.client.set_tag(sweep, HEARTBEAT, "0")
    reported = []
    with heartbeat(store.client, sweep, progress, lambda *line: reported.append(line)):
        progress.stopping = True
        deadline = time.monotonic() + 10
        while status(store, sweep) == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.05)
        tag = store.client.get_run(sweep).data.tags[PROGRESS]
    line, share = reported[0]
    assert line.startswith("0 of 4 cells done, epoch 2 of 10, test accuracy 0: 50.0 %, about ")
    assert tag.startswith("0 of 4 cells done, epoch 2 of 10, ")
    assert PROGRESS not in store.client.get_run(sweep).data.tags, "the sweep has ended"
    assert share == pytest.approx(0.15)
    assert status(store, sweep) == "KILLED"
    assert float(store.client.get_run(sweep).data.tags[HEARTBEAT]) > 0
