"""What MLflow could not be given waits on disk, without pickle, and arrives later as it was."""

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from flows.errors import ConfigurationError
from flows.store import outbox
from flows.store.cell_run import CellRun
from mlp.nn.network import Layer, flatten
from mlp.nn.weights import snapshot


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def finished_run(experiment_id: str, key: str = "abc") -> CellRun:
    run = CellRun(experiment_id, "seed=0", {"kind": "cell", "cell": key}, {"seed": "0"}, {}, planned=0)
    run.record(0, {"test/accuracy": 0.1})
    run.record(1, {"test/accuracy": 0.2})
    run.parameters = [Layer(np.arange(12, dtype=np.float32).reshape(4, 3), np.zeros(3, np.float32))]
    run.snapshots = {0: snapshot(run.parameters), 2: snapshot(run.parameters)}
    run.end("FINISHED")
    return run


def test_a_run_comes_back_from_disk_as_it_was(store):
    run = finished_run(store.experiment("some"))
    outbox.keep(run, store.uri)
    (path,) = outbox.waiting()[store.uri]
    back, uri = outbox.read(path)
    assert uri == store.uri
    assert [tuple(point) for point in back.points] == run.points
    assert (back.tags, back.status, back.ended) == (run.tags, "FINISHED", run.ended)
    assert flatten(back.parameters).tobytes() == flatten(run.parameters).tobytes()
    assert list(back.snapshots) == [0, 2]
    assert flatten(back.snapshots[2]).tobytes() == flatten(run.snapshots[2]).tobytes()


def test_what_waits_is_delivered_once_and_waits_no_longer(store):
    experiment_id = store.experiment("some")
    for key in ("abc", "def"):
        outbox.keep(finished_run(experiment_id, key), store.uri)
    assert outbox.deliver_waiting(store.client, store.uri) == outbox.Delivery(delivered=2)
    assert outbox.waiting() == {}
    assert len(store.client.search_runs([experiment_id], "attributes.status = 'FINISHED'")) == 2
    assert outbox.deliver_waiting(store.client, store.uri) == outbox.Delivery()


def test_a_cell_that_was_trained_again_while_its_result_waited_is_not_finished_twice(store):
    experiment_id = store.experiment("some")
    outbox.keep(finished_run(experiment_id), store.uri)
    again = finished_run(experiment_id)
    again.planned = 1
    again.deliver(store.client)
    assert outbox.deliver_waiting(store.client, store.uri) == outbox.Delivery(delivered=1)
    (finished,) = store.client.search_runs([experiment_id], "attributes.status = 'FINISHED'")
    assert finished.info.run_id == again.run_id


def test_what_waits_for_another_store_is_left_alone(store):
    outbox.keep(finished_run(store.experiment("some")), "http://elsewhere:5000")
    assert outbox.deliver_waiting(store.client, store.uri) == outbox.Delivery()
    assert list(outbox.waiting()) == ["http://elsewhere:5000"]


def deleted_run(store, key: str) -> CellRun:
    """The result of a run that somebody deleted in MLflow while it trained."""
    run = finished_run(store.experiment("some"), key)
    run.run_id = store.client.create_run(run.experiment_id, tags=run.tags).info.run_id
    run.artifact_uri = store.client.get_run(run.run_id).info.artifact_uri
    store.client.delete_run(run.run_id)
    return run


def test_what_the_store_refuses_for_good_is_set_aside_and_neither_holds_up_the_others_nor_waits_for_ever(store):
    outbox.keep(finished_run("4711", "aaa"), store.uri)  # no such experiment
    outbox.keep(deleted_run(store, "bbb"), store.uri)
    outbox.keep(finished_run(store.experiment("some"), "ccc"), store.uri)
    sent = outbox.deliver_waiting(store.client, store.uri)
    assert (sent.delivered, sent.refused, sent.waiting) == (1, 2, 0)
    assert "deleted" in sent.reason
    assert outbox.waiting() == {}
    aside = sorted(path.name.partition("-")[0] for path in (outbox.outbox() / "refused").iterdir())
    assert aside == ["aaa", "bbb"], "nothing is lost"
    assert outbox.deliver_waiting(store.client, store.uri) == outbox.Delivery()


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_what_may_be_taken_later_waits_on(store, monkeypatch, status):
    def fail(*_, **__):
        error = MlflowException("not now")
        monkeypatch.setattr(error, "get_http_status_code", lambda: status)
        raise error

    outbox.keep(finished_run(store.experiment("some")), store.uri)
    with monkeypatch.context() as patch:
        patch.setattr(store.client, "create_run", fail)
        assert outbox.deliver_waiting(store.client, store.uri) == outbox.Delivery(waiting=1, reason="not now")
    assert outbox.deliver_waiting(store.client, store.uri) == outbox.Delivery(delivered=1)


def test_a_pickle_offered_as_weights_is_refused_and_not_opened(tmp_path):
    class Harmful:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    outbox.outbox().mkdir(parents=True)
    np.savez(outbox.outbox() / "abc-1.npz", record=np.array("{}"), W0=np.array([Harmful()], dtype=object))
    with pytest.raises(ConfigurationError, match="not a result that can be delivered"):
        outbox.waiting()
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"\x80\x04N."])
def test_a_damaged_file_in_the_outbox_is_named(content):
    outbox.outbox().mkdir(parents=True)
    (outbox.outbox() / "abc-1.npz").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"abc-1\.npz"):
        outbox.waiting()
