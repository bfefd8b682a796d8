"""The champion of an imported sweep is made here, of its weights; what prevents that is said, and the rest goes on."""

import pytest

from flows.plan.experiment import Experiment
from flows.plan.preparation import keyed_cells
from flows.report import summary
from flows.report.charts import VIEW
from flows.report.registry import load_champion
from mlp.data.sets import DataUnavailable

DIGITS = Experiment(name="digits", seeds="0-1", data={"name": "digits"}, corruption={"fractions": [0]})


@pytest.fixture
def sweep(store, monkeypatch):
    """A sweep whose cells have the keys of the real data."""
    keys = iter(keyed_cells(DIGITS))
    with monkeypatch.context() as patch:
        patch.setattr("flows.plan.cell.Cell.key", lambda cell, digest: next(keys))
        sweep_id, _ = store.sweep(DIGITS, lambda cell: {"test/accuracy": 0.8 + 0.1 * cell.seed}, weights=True)
    return store.client.get_run(sweep_id)


def test_the_best_cell_becomes_the_champion(store, sweep):
    assert summary.register_champion(store.client, sweep, "digits") == ""
    assert load_champion(store.client, "digits")[0].tags["cell"] == "seed=1 shuffle=0.00"


def test_without_the_data_set_there_is_no_champion_and_a_reason(store, sweep, monkeypatch):
    def unavailable(*_):
        raise DataUnavailable("OpenML can't be reached")

    monkeypatch.setattr(summary, "keyed_cells", unavailable)
    assert summary.register_champion(store.client, sweep, "digits") == "OpenML can't be reached"


def test_cells_with_other_keys_would_be_trained_again(store):
    sweep_id, _ = store.sweep(DIGITS, lambda cell: {"test/accuracy": 0.8}, weights=True)
    reason = summary.register_champion(store.client, store.client.get_run(sweep_id), "digits")
    assert "would train them again" in reason


def test_the_chart_page_stays_that_of_the_latest_sweep(store, sweep):
    later, _ = store.sweep(DIGITS.model_copy(update={"seeds": (5, 6)}), lambda cell: {"test/accuracy": 0.8})
    experiment_id = store.experiment("digits")
    summary.lay_out_latest(store.client, experiment_id, sweep.info.run_id)
    tag = f"mlflow.sharedViewState.{VIEW}"
    assert tag not in store.client.get_experiment(experiment_id).tags
    summary.lay_out_latest(store.client, experiment_id, later)
    assert later in store.client.get_experiment(experiment_id).tags[tag]
