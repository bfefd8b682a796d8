"""What is counted without MLflow is what MLflow says of the store."""

from flows.plan.experiment import Experiment
from flows.store.mlflow_internals import fast_count

SOME = Experiment(name="some", data={"name": "digits"}, seeds="0-2")


def test_every_finished_cell_counts_once_whatever_else_the_store_holds(store):
    sweep_id, cells = store.sweep(SOME, lambda cell: {"test/accuracy": 0.9})
    store.sweep(SOME.model_copy(update={"name": "other"}), lambda cell: {"test/accuracy": 0.9})
    assert fast_count(store.uri, "some") == 3
    key, cell = next(iter(cells.items()))
    again = store.cell(store.experiment("some"), sweep_id, key, cell, {}, 1, weights=False)
    assert fast_count(store.uri, "some") == 3, "trained twice is one cell"
    runs = store.client.search_runs([store.experiment("some")], f"tags.cell = '{key}'")
    assert again in [run.info.run_id for run in runs]
    for run in runs:
        store.client.delete_run(run.info.run_id)
    assert fast_count(store.uri, "some") == 2, "deleted runs do not count"


def test_where_nothing_can_be_seen_at_once_nothing_is_finished(tmp_path):
    (tmp_path / "damaged.db").write_bytes(b"no database" * 100)
    (tmp_path / "empty.db").touch()
    for uri in ("http://127.0.0.1:9", f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/damaged.db"):
        assert fast_count(uri, "some") == 0
    assert fast_count(f"sqlite:///{tmp_path}/empty.db", "some") == 0
