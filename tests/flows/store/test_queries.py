"""What is read from the database directly is what MLflow's client would have answered."""

from flows.plan.experiment import Experiment
from flows.store.queries import finished_cells
from flows.store.runs import search

SOME = Experiment(name="some", data={"name": "digits"}, seeds="0-3")


def test_the_finished_cells_of_the_database_are_those_that_mlflow_finds_the_latest_of_a_key(store):
    _, cells = store.sweep(SOME, lambda cell: {"test/accuracy": 0.9})
    store.sweep(SOME.model_copy(update={"name": "other"}), lambda cell: {"test/accuracy": 0.9})
    experiment_id = store.experiment("some")
    done = finished_cells(store.client, experiment_id)
    first, second, third, fourth = (done[key] for key in cells)
    store.client.update_run(first, "FAILED")
    store.client.delete_run(second)
    again = {"kind": "cell", "cell": list(cells)[2]}
    later = store.client.create_run(experiment_id, 1_800_000_000_000, again).info.run_id
    store.client.set_terminated(later)
    no_key = store.client.create_run(experiment_id, tags={"kind": "cell"}).info.run_id
    other_kind = store.client.create_run(experiment_id, tags={"kind": "group", "cell": "0"}).info.run_id
    for run_id in (no_key, other_kind):
        store.client.set_terminated(run_id)
    found = finished_cells(store.client, experiment_id)
    assert found == {list(cells)[2]: later, list(cells)[3]: fourth}
    runs = search(store.client, experiment_id, "tags.kind = 'cell' and attributes.status = 'FINISHED'")
    assert set(found.values()) | {no_key, third} == {run.info.run_id for run in runs}
