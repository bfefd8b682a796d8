"""A cell's run comes to MLflow whole and once, whatever fails on the way."""

from threading import Lock
from unittest.mock import Mock

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from flows.store.cell_run import CellRun, MetricBuffer
from flows.store.runs import finished_since, now
from mlp.nn.network import Layer

EPOCHS = 5
CALLS = 4  # to MLflow's client, that bring a finished run; its weights go another way


class Unreliable:
    """MLflow's client, but its nth call fails: before it is made, or when its answer is on the way back."""

    def __init__(self, client: MlflowClient, fails_at: int, after: bool) -> None:
        self.client, self.left, self.after = client, fails_at, after

    def __getattr__(self, name):
        method = getattr(self.client, name)
        if not callable(method):
            return method

        def call(*arguments, **named):
            self.left -= 1
            if self.left == 0 and not self.after:
                raise MlflowException("away")
            answer = method(*arguments, **named)
            if self.left == 0:
                raise MlflowException("away")
            return answer

        return call


@pytest.fixture
def run(store) -> CellRun:
    tags = {"kind": "cell", "cell": "abc", "sweep": "none"}
    dataset = {"name": "digits", "digest": "1", "source_type": "scikit-learn", "source": "{}"}
    return CellRun(store.experiment("some"), "seed=0", tags, {"seed": "0"}, dataset, planned=0)


def train(run: CellRun) -> None:
    for epoch in range(EPOCHS + 1):
        run.record(epoch, {"test/accuracy": epoch / 10, "train/accuracy_memorized": np.nan})
    run.parameters = [Layer(np.ones((4, 3), np.float32), np.zeros(3, np.float32))]
    run.end("FINISHED")


def curve(client, run: CellRun, name: str) -> list:
    return [(point.step, point.value) for point in client.get_metric_history(run.run_id, name)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fails_at", range(1, CALLS + 1))
def test_a_delivery_that_fails_anywhere_and_is_tried_again_leaves_one_whole_run(store, run, fails_at, after):
    train(run)
    with pytest.raises(MlflowException, match="away"):
        run.deliver(Unreliable(store.client, fails_at, after))
    if fails_at < CALLS or not after:
        finished = store.client.search_runs([run.experiment_id], "attributes.status = 'FINISHED'")
        assert finished == [], "a run is FINISHED last"
    run.deliver(store.client)
    (finished,) = store.client.search_runs([run.experiment_id], "attributes.status = 'FINISHED'")
    assert finished.info.run_id == run.run_id
    assert sorted(curve(store.client, run, "test/accuracy")) == [(epoch, epoch / 10) for epoch in range(EPOCHS + 1)]
    assert finished.data.params == {"seed": "0"}
    assert [file.path for file in store.client.list_artifacts(run.run_id)] == ["weights.npz", "weights.png"]


def test_a_delivery_whose_weights_fail_and_is_tried_again_leaves_one_whole_run(store, run, monkeypatch):
    train(run)
    with monkeypatch.context() as full:
        full.setattr(LocalArtifactRepository, "log_artifacts", Mock(side_effect=OSError("no space left")))
        with pytest.raises(OSError, match="no space left"):
            run.deliver(store.client)
    assert store.client.get_run(run.run_id).info.status == "RUNNING"
    run.deliver(store.client)
    assert store.client.get_run(run.run_id).info.status == "FINISHED"
    assert [file.path for file in store.client.list_artifacts(run.run_id)] == ["weights.npz", "weights.png"]


def test_its_description_shows_the_picture_of_its_weights_once_they_are_known(store, run):
    run.tags["mlflow.note.content"] = "One network."
    run.record(0, {"test/accuracy": 0.1})
    run.deliver(store.client)
    assert store.client.get_run(run.run_id).data.tags["mlflow.note.content"] == "One network."
    train(run)
    run.deliver(store.client)
    note = store.client.get_run(run.run_id).data.tags["mlflow.note.content"]
    assert note.startswith("One network.\n\n![")
    assert f"(get-artifact?path=weights.png&run_uuid={run.run_id})" in note


def test_what_is_not_a_number_is_no_point_of_a_curve(store, run):
    train(run)
    run.deliver(store.client)
    assert curve(store.client, run, "train/accuracy_memorized") == []


def finish(store, run):
    train(run)
    run.cancel_if_duplicate(finished_since(store.client, run.experiment_id, run.planned, [run.tags["cell"]]))
    run.deliver(store.client)
    return store.client.get_run(run.run_id)


def planned_at(run, moment):
    return CellRun(run.experiment_id, run.name, dict(run.tags), {}, {}, planned=moment)


def test_of_two_runs_of_one_cell_that_train_at_once_the_second_to_finish_is_killed_and_says_why(store, run):
    first, second = finish(store, run), finish(store, planned_at(run, 1))
    assert (first.info.status, second.info.status) == ("FINISHED", "KILLED")
    assert run.run_id in second.data.tags["message"]


def test_a_run_that_is_sent_again_does_not_give_way_to_itself(store, run):
    assert finish(store, run).info.status == "FINISHED"
    assert finish(store, run).info.status == "FINISHED"


def test_a_cell_that_was_finished_before_it_was_planned_anew_may_be_trained_again(store, run):
    finish(store, run)
    assert finish(store, planned_at(run, run.ended + 1)).info.status == "FINISHED"


def test_more_points_than_one_call_may_carry_all_arrive(store, run):
    for epoch in range(1500):
        run.record(epoch, {"test/accuracy": 0.5})
    run.deliver(store.client)
    assert len(curve(store.client, run, "test/accuracy")) == 1500


def test_in_an_outage_a_buffer_keeps_the_points_and_sends_them_later(store, run):
    buffer = MetricBuffer(Unreliable(store.client, 1, after=False), [run], Lock())
    buffer.record(0, {"test/accuracy": np.array([0.1])}, now())
    assert run.run_id is None
    buffer.next_delivery = 0
    buffer.record(1, {"test/accuracy": np.array([0.2])}, now())
    assert sorted(curve(store.client, run, "test/accuracy")) == [(0, 0.1), (1, 0.2)]


def test_while_another_stack_delivers_a_buffer_keeps_the_points_and_sends_them_afterwards(store, run):
    others = Lock()
    buffer = MetricBuffer(store.client, [run], others)
    with others:
        buffer.record(0, {"test/accuracy": np.array([0.1])}, now())
    assert run.run_id is None
    buffer.record(1, {"test/accuracy": np.array([0.2])}, now())
    assert sorted(curve(store.client, run, "test/accuracy")) == [(0, 0.1), (1, 0.2)]
