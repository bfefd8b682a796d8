"""A sweep goes on where its store stumbles, and gives up where it won't have what it is told."""

import sqlite3
from contextlib import closing

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.orm import Session

from flows.sweep import flow as sweep
from flows.sweep.progress import Progress


@pytest.fixture
def progress(monkeypatch):
    monkeypatch.setattr(sweep, "PAUSE_SECONDS", 0)
    return Progress()


def test_of_two_sweeps_that_write_the_same_new_tag_at_once_the_later_one_overwrites_it(store, progress):
    experiment_id = store.experiment("some")
    attempts = 0

    def tag() -> None:
        nonlocal attempts
        attempts += 1
        store.client.set_experiment_tag(experiment_id, "view", "mine")

    def other_is_faster(session, context, instances) -> None:
        # MLflow has looked, seen no such tag, and is about to insert it.
        event.remove(Session, "before_flush", other_is_faster)
        with closing(sqlite3.connect(store.folder / "mlflow.db", isolation_level=None)) as database:
            columns = "insert into experiment_tags (key, value, experiment_id) values (?, ?, ?)"
            database.execute(columns, ("view", "theirs", experiment_id))

    event.listen(Session, "before_flush", other_is_faster)
    sweep.retry_store(tag, progress)
    assert attempts == 2
    assert store.client.get_experiment(experiment_id).tags["view"] == "mine"


def test_what_the_store_refuses_is_not_asked_for_again(store, progress):
    attempts = 0

    def tag() -> None:
        nonlocal attempts
        attempts += 1
        store.client.set_experiment_tag("404", "view", "mine")

    with pytest.raises(MlflowException, match="404"):
        sweep.retry_store(tag, progress)
    assert attempts == 1
