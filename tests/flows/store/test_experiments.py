"""Experiments, which others may rename in MLflow, and whose tags several sweeps may write at the same moment."""

import sqlite3
from contextlib import closing

import pytest
from mlflow.exceptions import MlflowException

from flows.plan.experiment import Experiment
from flows.store.experiments import find_experiment, name_of, open_experiment, set_experiment_tag
from flows.store.results import load_runs, select
from flows.store.transfer import read_export
from flows.store.transfer_export import export_sweep

SOME = Experiment(name="some", seeds="0-1", data={"name": "digits", "side": 8})


def test_a_tag_is_set_although_another_sweep_sets_it_between_mlflows_look_and_its_insert(store, monkeypatch):
    experiment_id = store.experiment("demo")
    usual, attempts = store.client.set_experiment_tag, []

    def beaten(experiment_id: str, name: str, value: str) -> None:
        """Insert as MLflow does when it has found no such tag, the first time after another process did."""
        attempts.append(value)
        if len(attempts) == 1:
            with closing(sqlite3.connect(store.folder / "mlflow.db")) as database:
                row = ("tag", "another's", int(experiment_id))
                insert = "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?)"
                database.execute(insert, row)
                database.commit()
                try:
                    database.execute(insert, row)
                except sqlite3.IntegrityError as error:
                    raise MlflowException(f"(sqlite3.IntegrityError) {error}") from error
        usual(experiment_id, name, value)

    monkeypatch.setattr(store.client, "set_experiment_tag", beaten)
    set_experiment_tag(store.client, experiment_id, "tag", "mine")
    assert store.client.get_experiment(experiment_id).tags["tag"] == "mine"
    assert attempts == ["mine", "mine"]


def test_another_failure_of_the_store_is_not_tried_again(store, monkeypatch):
    attempts = []

    def fails(*tag: str) -> None:
        attempts.append(tag)
        raise MlflowException("database or disk is full")

    monkeypatch.setattr(store.client, "set_experiment_tag", fails)
    with pytest.raises(MlflowException, match="disk is full"):
        set_experiment_tag(store.client, store.experiment("demo"), "tag", "mine")
    assert len(attempts) == 1


@pytest.mark.parametrize("old", [True, False])
def test_an_experiment_that_was_renamed_in_mlflow_is_still_the_one_of_its_sweeps(store, tmp_path, old):
    if old:
        store.client.create_experiment("some", str(tmp_path / "some"))  # as older versions made it
    experiment_id = open_experiment(store.client, SOME)
    store.sweep(SOME, lambda cell: {"test/accuracy": 0.9})
    store.client.rename_experiment(experiment_id, "Ä new name: mine's")
    assert open_experiment(store.client, SOME) == experiment_id
    for name in ("some", "Ä new name: mine's"):
        found = find_experiment(store.client, name)
        assert (found.experiment_id, name_of(found)) == (experiment_id, "some")
        assert len(load_runs(name, tracking_server=store.uri)) == 2
    export_sweep(store.client, select(store.client, ["some"], everything=False), tmp_path / "out")
    assert read_export(tmp_path / "out").manifest.name == "some"


def test_the_name_that_a_renamed_experiment_has_now_may_be_given_to_another(store):
    first = open_experiment(store.client, SOME)
    store.client.rename_experiment(first, "other")
    assert open_experiment(store.client, SOME.model_copy(update={"name": "other"})) == first
    assert find_experiment(store.client, "none") is None
