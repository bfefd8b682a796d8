"""`mlp status` says what answers, what trains now and what schedules did, and mistakes no database for a server."""

import io
import re

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Completed, Running
from rich.console import Console

from flows.plan.experiment import Experiment
from flows.service.deployments import deploy
from flows.service.schedules import deployments, parse_schedule, unschedule
from flows.service.status import print_status
from flows.store import outbox
from flows.store.cell_run import CellRun
from flows.sweep.ownership import HEARTBEAT, OWNER, PROGRESS, ownership

LINE = (
    "12 of 50 cells done, epoch 3 of 30, test accuracy 0: 94.2 %, 0.25: 92.1 %, 0.5: 88.1 %, 0.75: 80.7 %, 1: 10.3 %, "
    "about 25 s left"
)
NOTHING = "nothing to train: all 50 cells were done before"


@pytest.fixture(autouse=True)
def folder(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)


@pytest.fixture
def no_prefect(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def status(width: int = 300) -> str:
    """What is printed."""
    console = Console(width=width, record=True, file=io.StringIO())
    print_status(console)
    return console.export_text()


def running(store, name: str, **tags: str) -> str:
    """A sweep in MLflow that has not ended."""
    experiment_id = store.experiment(name)
    return store.client.create_run(experiment_id, tags={"kind": "sweep", **tags}).info.run_id


def test_a_store_that_is_a_database_is_shown_as_one_with_its_sweeps(store, no_prefect):
    store.sweep(Experiment(name="on-a-database", seeds="0-1"), lambda cell: {"test/accuracy": 0.9})
    text = status()
    assert f"{store.uri} is a database, without a server" in text
    assert "does not answer" not in text
    assert "on-a-database" in text


def test_what_waits_for_a_store_is_counted_without_its_password(no_prefect):
    outbox.keep(CellRun("1", "seed=0", {"cell": "abc"}, {}, {}, planned=0), "http://me:secret@tracker.example:5000")
    assert "1 cells for http://tracker.example:5000; `mlp sync` delivers them" in status()


@pytest.mark.parametrize("width", [80, 120])
def test_the_progress_of_a_living_sweep_is_shown_whole(store, no_prefect, width):
    running(store, "here", **ownership(), **{PROGRESS: LINE})
    running(store, "elsewhere", **ownership() | {OWNER: "another-machine 1 1.00"}, **{PROGRESS: LINE})
    running(store, "new", **ownership())
    lines = status(width)
    assert max(map(len, lines.splitlines())) <= width
    text = " ".join(lines.split())
    assert f"Training: here: {LINE}" in text
    assert f"Training: elsewhere: {LINE}" in text
    assert "Training: new: has just begun" in text


def test_the_progress_of_a_sweep_that_ended_or_died_is_not_shown(store, no_prefect):
    ended = running(store, "ended", **ownership(), **{PROGRESS: LINE})
    store.client.set_terminated(ended, "KILLED")
    running(store, "died", **{OWNER: "another-machine 1 1.00", HEARTBEAT: "1000"}, **{PROGRESS: LINE})
    text = status()
    assert "ended" in text
    assert "died" in text
    assert "Training" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_scheduled_run_that_had_nothing_to_train_is_shown_with_its_message(server, width):
    name = "every-night-at-three"
    deploy(name, Experiment(name="shuffle"), parse_schedule("0 3 * * *", None, "UTC"), False, "")
    (deployment,) = deployments()
    with get_client(sync_client=True) as client:
        for ending in (Running(), Completed(message=NOTHING)):
            run = client.create_flow_run_from_deployment(deployment.id)
            client.set_flow_run_state(run.id, Running(), force=True)
            client.set_flow_run_state(run.id, ending, force=True)
        client.create_flow_run_from_deployment(deployment.id)  # it has not begun
    lines = status(width)
    unschedule(name)
    assert max(map(len, lines.splitlines())) <= width
    assert "…" not in lines
    assert len(re.findall(rf"{name} +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", lines)) == 2, "only those that have begun"
    # At 80 columns the message goes on in the next line.
    runs = lines[lines.index("run of") :]
    assert "Running" in runs
    assert all(word in runs for word in NOTHING.split())
