"""Tags of experiments, which several sweeps may write at the same moment."""

import sqlite3
from contextlib import closing

import pytest
from mlflow.exceptions import MlflowException

from flows.store.experiments import set_experiment_tag


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
