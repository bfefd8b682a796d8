"""The runs of a stack say what was reported of it, and each result is delivered once."""

from unittest.mock import patch

import numpy as np
import pytest

from flows.plan.configuration import load_experiment
from flows.platform.identity import this_process
from flows.store import outbox
from flows.store.cell_run import CellRun
from flows.sweep import tracking
from flows.sweep.progress import ProgressFolder, Stopped
from flows.sweep.tracking import SweepContext, track_stack
from flows.sweep.training import CellTrained, EpochEnded, Loaded
from mlp.nn.network import Network

DATA = {"name": "some", "digest": "0", "source_type": "test", "source": "{}", "profile": "{}"}


@pytest.fixture
def cells():
    experiment = load_experiment("demo", {"seeds": [0, 1], "corruption.fractions": [0]})
    return {f"cell {i}": cell for i, cell in enumerate(experiment.cells())}


@pytest.fixture
def context(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the outbox is
    experiment_id = store.experiment("some")
    sweep = store.client.create_run(experiment_id).info.run_id
    return SweepContext(store.uri, experiment_id, sweep, this_process(), 0, "some", ProgressFolder(tmp_path))


def begin(cells, report):
    report(Loaded(DATA, 10, (784, 16, 10)))
    report(EpochEnded(0, {"test/accuracy": np.full(len(cells), 0.1)}, time=1000.0))


def trained(place):
    parameters = Network((784, 16, 10)).initialize(np.random.default_rng(place))
    return CellTrained(2000.0, place, 5, False, {"test/accuracy": 0.9}, parameters, {})


def runs_of(store, context):
    found = store.client.search_runs([context.experiment_id], "tags.kind = 'cell'")
    return {run.data.tags["cell"]: run for run in found}


def test_a_run_begins_and_ends_when_its_training_did(store, cells, context, monkeypatch):
    def train(stack, progress, report):
        begin(stack, report)
        for place in range(len(stack)):
            report(trained(place))

    monkeypatch.setattr(tracking, "train_cells", train)
    assert track_stack(cells, "stack", context).counts == {"FINISHED": 2}
    for run in runs_of(store, context).values():
        assert (run.info.status, run.info.end_time) == ("FINISHED", 2_000_000)
        first, *_ = store.client.get_metric_history(run.info.run_id, "test/accuracy")
        assert (first.step, first.value, first.timestamp) == (0, 0.1, 1_000_000)


def test_a_result_that_is_kept_when_the_stack_is_stopped_is_not_sent_twice(store, cells, context, monkeypatch):
    def train(stack, progress, report):
        begin(stack, report)
        with patch.object(CellRun, "deliver", side_effect=OSError("no answer")):
            report(trained(0))
        raise Stopped("interrupted")

    monkeypatch.setattr(tracking, "train_cells", train)
    assert track_stack(cells, "stack", context).counts == {"KILLED": 2}
    runs = runs_of(store, context)
    assert {key: run.info.status for key, run in runs.items()} == {"cell 0": "RUNNING", "cell 1": "KILLED"}
    assert outbox.deliver_waiting(store.client, store.uri).delivered == 1
    assert {key: run.info.status for key, run in runs_of(store, context).items()} == {
        "cell 0": "FINISHED",
        "cell 1": "KILLED",
    }
