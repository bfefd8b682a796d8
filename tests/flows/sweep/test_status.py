"""The work that is left is looked up in MLflow, whatever others have deleted there."""

from pathlib import Path

import pytest

from flows.plan.experiment import Experiment
from flows.plan.preparation import keyed_cells
from flows.store.artifacts import read_cells
from flows.sweep.ownership import SAME_CELLS, fingerprint
from flows.sweep.status import look_up

DIGITS = Experiment(name="some", seeds="0-1", data={"name": "digits", "side": 8}, corruption={"fractions": [0]})


@pytest.fixture
def sweep(store, tmp_path, monkeypatch) -> str:
    """A finished sweep whose cells have the keys of the real data."""
    monkeypatch.chdir(tmp_path)  # where the outbox is
    monkeypatch.setattr("flows.sweep.status.find_champion", lambda client, name: "is there")
    cells = keyed_cells(DIGITS)
    keys = iter(cells)
    with monkeypatch.context() as patch:
        patch.setattr("flows.plan.cell.Cell.key", lambda cell, digest: next(keys))
        sweep_id, _ = store.sweep(DIGITS, lambda cell: {"test/accuracy": 0.9}, weights=True)
    store.client.set_tag(sweep_id, SAME_CELLS, fingerprint(cells))
    return sweep_id


def test_where_all_cells_are_done_and_compared_nothing_is_left(store, sweep):
    status = look_up(store.client, DIGITS, force=False)
    assert (status.missing, status.outcome.run_id, status.outcome.counts) == ({}, sweep, {"done": 2})


def test_cells_whose_sweep_was_deleted_in_mlflow_are_compared_by_a_new_one(store, sweep):
    store.client.delete_run(sweep)
    status = look_up(store.client, DIGITS, force=False)
    assert (status.missing, status.outcome) == ({}, None)


def test_cells_that_a_larger_sweep_has_compared_need_no_sweep_of_their_own(store, sweep):
    store.client.set_tag(sweep, SAME_CELLS, "other cells")
    assert look_up(store.client, DIGITS, force=False).outcome.counts == {"done": 2}


@pytest.mark.parametrize("name", ["cells.json", "experiment.yaml"])
def test_a_complete_sweep_that_has_lost_its_plan_gets_it_again(store, sweep, name):
    Path(store.client.get_run(sweep).info.artifact_uri, name).unlink()
    assert look_up(store.client, DIGITS, force=False).outcome.run_id == sweep
    assert read_cells(store.client, store.client.get_run(sweep)).keys() == keyed_cells(DIGITS).keys()


def test_the_cells_of_an_experiment_that_was_renamed_in_mlflow_are_done(store, sweep):
    store.client.rename_experiment(store.experiment("some"), "another name")
    assert look_up(store.client, DIGITS, force=False).outcome.run_id == sweep
