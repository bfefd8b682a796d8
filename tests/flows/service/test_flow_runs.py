"""A flow run whose process died holds up no other run of its deployment."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.states import Cancelling, Pending

from flows.plan.configuration import load_experiment
from flows.service import flow_runs
from flows.service.deployments import deploy
from flows.service.flow_runs import end_dead_runs
from flows.service.schedules import deployments


@pytest.fixture
def client(tmp_path, monkeypatch, server) -> Iterator[SyncPrefectClient]:
    monkeypatch.chdir(tmp_path)
    deploy("nightly", load_experiment("demo"), None, False, "")
    with get_client(sync_client=True) as connected:
        yield connected
        for deployment in deployments():
            connected.delete_deployment(deployment.id)


def begin(client: SyncPrefectClient, pid: int | None = None):
    """Begin a run as a worker does; returns its id."""
    (deployment,) = deployments()
    run = client.create_flow_run_from_deployment(deployment.id)
    if pid:
        client.update_flow_run(run.id, infrastructure_pid=str(pid))
    client.set_flow_run_state(run.id, Pending())
    return run.id


def state(client: SyncPrefectClient, run_id) -> str:
    return client.read_flow_run(run_id).state.name


@pytest.fixture
def process() -> Iterator[subprocess.Popen]:
    """A process whose command line looks like that of a flow run."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "prefect"]) as running:
        yield running
        running.kill()


def test_a_run_that_died_makes_room_for_the_next_one(client, process):
    for pid in (None, process.pid):
        process.kill()
        process.wait()
        dead, waiting = begin(client, pid), begin(client)
        assert state(client, dead) == "Pending"
        assert state(client, waiting) == "AwaitingConcurrencySlot"
        end_dead_runs()
        assert state(client, dead) == "Crashed"
        after = begin(client)
        assert state(client, after) == "Pending"
        end_dead_runs()


def test_a_run_whose_process_lives_goes_on(client, process):
    living = begin(client, process.pid)
    end_dead_runs()
    assert state(client, living) == "Pending"


def test_a_process_that_got_the_number_of_a_dead_one_is_not_taken_for_it(client):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        dead = begin(client, other.pid)
        end_dead_runs()
        other.kill()
    assert state(client, dead) == "Crashed"


def test_a_run_of_another_folder_is_left_alone(client, tmp_path, monkeypatch):
    run = begin(client)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    end_dead_runs()
    assert state(client, run) == "Pending"


def test_a_run_that_was_to_be_cancelled_and_has_no_process_is_cancelled(client):
    run = begin(client)
    client.set_flow_run_state(run, Cancelling(), force=True)
    end_dead_runs()
    assert state(client, run) == "Cancelled"


def test_a_run_that_has_only_just_begun_is_given_time_to_start_its_process(client):
    run = begin(client)
    end_dead_runs(patience=60)
    assert state(client, run) == "Pending"


def test_dead_runs_are_looked_for_again_and_again(client, monkeypatch):
    monkeypatch.setattr(flow_runs, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(flow_runs, "START_SECONDS", 0.0)
    flow_runs.keep_ending_dead_runs()
    run = begin(client)
    deadline = time.monotonic() + 30
    while state(client, run) != "Crashed":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    monkeypatch.setattr(flow_runs, "CHECK_SECONDS", 3600)


def test_deployments_and_dead_runs_are_seen_on_every_page_of_prefects_lists(client, page_size):
    (mine,) = deployments()
    flow = client.create_flow_from_name("somebody-else")
    for number in range(page_size):  # listed before it
        client.create_deployment(flow, f"a{number:03}", entrypoint="elsewhere")
    assert len(client.read_deployments()) == page_size
    assert [deployment.id for deployment in deployments()] == [mine.id]
    others = [client.create_flow_run_from_deployment(mine.id).id for _ in range(page_size + 1)]
    for run_id in others:
        client.set_flow_run_state(run_id, Pending(), force=True)
    assert len(flow_runs.runs_of([mine.id], flow_runs.BEGUN)) == page_size
    end_dead_runs()
    assert {state(client, run_id) for run_id in others} == {"Crashed"}
