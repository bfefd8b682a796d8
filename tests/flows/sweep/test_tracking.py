"""The runs of a stack say what was reported of it, and each result is delivered once."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from flows.plan.configuration import load_experiment
from flows.platform.identity import this_process
from flows.store import outbox
from flows.store.cell_run import CellRun
from flows.store.runs import finished_since
from flows.sweep import tracking
from flows.sweep.events import CellTrained, EpochEnded, Loaded
from flows.sweep.ownership import ownership
from flows.sweep.progress import Progress, Stopped
from flows.sweep.tracking import SweepContext, track_stack
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
    sweep = store.client.create_run(experiment_id, tags=ownership()).info.run_id
    return SweepContext(store.uri, experiment_id, sweep, this_process(), 0, "some")


def begin(cells, report):
    report(Loaded(DATA, 10, (784, 16, 10)))
    report(EpochEnded(0, {"test/accuracy": np.full(len(cells), 0.1)}, time=1000.0))


def trained(index):
    parameters = Network((784, 16, 10)).initialize(np.random.default_rng(index))
    return CellTrained(2000.0, index, 5, False, {"test/accuracy": 0.9}, parameters, {})


def runs_of(store, context):
    found = store.client.search_runs([context.experiment_id], "tags.kind = 'cell'")
    return {run.data.tags["cell"]: run for run in found}


def test_a_run_begins_and_ends_when_its_training_did(store, cells, context, monkeypatch):
    def train(stack, report):
        begin(stack, report)
        for index in range(len(stack)):
            report(trained(index))

    monkeypatch.setattr(tracking, "emit_training", train)
    assert track_stack(cells, 0, context).counts == {"FINISHED": 2}
    for run in runs_of(store, context).values():
        assert (run.info.status, run.info.end_time) == ("FINISHED", 2_000_000)
        first, *_ = store.client.get_metric_history(run.info.run_id, "test/accuracy")
        assert (first.step, first.value, first.timestamp) == (0, 0.1, 1_000_000)


def test_a_stack_on_a_cluster_brings_its_last_state_home(store, cells, context, monkeypatch):
    def train(stack, report):
        begin(stack, report)
        for index in range(len(stack)):
            report(trained(index))

    monkeypatch.setattr(tracking, "emit_training", train)
    state = track_stack(cells, 3, context).state
    assert (state.phase, state.cells, state.epoch, list(state.accuracies)) == ("done", 2, 0, [0.1, 0.1])


def test_a_stack_ends_after_its_epoch_when_the_sweep_is_asked_to_stop(store, cells, context, monkeypatch):
    progress = Progress()

    def train(stack, report):
        report(Loaded(DATA, 10, (784, 16, 10)))
        progress.stopping = True
        report(EpochEnded(0, {"test/accuracy": np.full(len(stack), 0.1)}))
        pytest.fail("the stack trains on")

    monkeypatch.setattr(tracking, "emit_training", train)
    assert track_stack(cells, 0, context, progress).counts == {"KILLED": 2}
    assert {run.info.status for run in runs_of(store, context).values()} == {"KILLED"}
    assert track_stack(cells, 1, context, progress).counts == {"KILLED": 2}, "nor does another begin"


def test_a_run_that_somebody_deletes_while_it_trains_costs_no_other_result_and_is_kept(
    store, cells, context, monkeypatch
):
    def train(stack, report):
        begin(stack, report)
        store.client.delete_run(runs_of(store, context)["cell 0"].info.run_id)
        for place in range(len(stack)):
            report(trained(place))

    monkeypatch.setattr(tracking, "emit_training", train)
    result = track_stack(cells, 0, context)
    assert (result.counts, result.undelivered) == ({"FAILED": 1, "FINISHED": 1}, "")
    assert {key: run.info.status for key, run in runs_of(store, context).items()} == {"cell 1": "FINISHED"}
    assert outbox.waiting() == {}
    assert [path.name[:6] for path in (outbox.outbox() / "refused").iterdir()] == ["cell 0"]


def test_a_result_that_is_kept_when_the_stack_is_stopped_is_not_sent_twice(store, cells, context, monkeypatch):
    def train(stack, report):
        begin(stack, report)
        with patch.object(CellRun, "deliver", side_effect=OSError("no answer")):
            report(trained(0))
        raise Stopped("interrupted")

    monkeypatch.setattr(tracking, "emit_training", train)
    assert track_stack(cells, 0, context).counts == {"KILLED": 2}
    runs = runs_of(store, context)
    assert {key: run.info.status for key, run in runs.items()} == {"cell 0": "RUNNING", "cell 1": "KILLED"}
    assert outbox.deliver_waiting(store.client, store.uri).delivered == 1
    assert {key: run.info.status for key, run in runs_of(store, context).items()} == {
        "cell 0": "FINISHED",
        "cell 1": "KILLED",
    }


@pytest.mark.parametrize("before", [1, 2], ids=["some", "all"])
def test_a_task_that_a_cluster_repeats_trains_no_cell_that_has_finished(store, cells, context, monkeypatch, before):
    asked = []

    def train(stack, report):
        asked.append(len(stack))
        begin(stack, report)
        for index in range(len(stack)):
            report(trained(index))

    monkeypatch.setattr(tracking, "emit_training", train)
    track_stack(dict(list(cells.items())[:before]), 0, context)
    assert track_stack(cells, 0, context).counts == {"FINISHED": 2}
    assert sum(asked) == 2
    runs = store.client.search_runs([context.experiment_id], "tags.kind = 'cell'")
    assert sorted((run.data.tags["cell"], run.info.status) for run in runs) == [
        ("cell 0", "FINISHED"),
        ("cell 1", "FINISHED"),
    ]


def test_of_two_copies_of_a_task_that_train_at_once_the_second_gives_its_cells_up(store, cells, context, monkeypatch):
    copies = [lambda: track_stack(cells, 0, context)]  # the one that the cluster starts when it hears nothing

    def train(stack, report):
        begin(stack, report)
        if copies:
            copies.pop()()
        for index in range(len(stack)):
            report(trained(index))

    monkeypatch.setattr(tracking, "emit_training", train)
    assert track_stack(cells, 0, context).counts == {"FINISHED": 2}, "somewhere"
    runs = store.client.search_runs([context.experiment_id], "tags.kind = 'cell'")
    assert sorted(run.info.status for run in runs) == ["FINISHED", "FINISHED", "KILLED", "KILLED"]


@pytest.mark.parametrize("later", [0, 1], ids=["the one that was cut off ended first", "the other one did"])
def test_of_a_cell_that_a_worker_delivers_after_it_was_cut_off_the_run_that_ended_first_stays(
    store, cells, context, monkeypatch, later
):
    copies = [lambda: track_stack(cells, 0, context)]

    def train(stack, report):
        begin(stack, report)
        for index in range(len(stack)):
            # This one has looked what is finished; then its deliveries take so long that the other one overtakes it.
            if index == 1 and copies:
                copies.pop()()
            report(replace(trained(index), time=2000.0 + (later if len(stack) == 2 else 0.5)))

    monkeypatch.setattr(tracking, "emit_training", train)
    assert track_stack(cells, 0, context).counts == {"FINISHED": 2}
    runs = store.client.search_runs([context.experiment_id], "tags.kind = 'cell'")
    finished = [run.data.tags["cell"] for run in runs if run.info.status == "FINISHED"]
    assert sorted(finished) == ["cell 0", "cell 1"]
    (given_up,) = (run for run in runs if run.info.status == "KILLED")
    assert given_up.data.tags["message"].startswith("this cell was finished first by run ")


def test_on_a_server_as_in_a_database_the_cells_that_have_finished_since_are_found(store, cells, context, monkeypatch):
    def train(stack, report):
        begin(stack, report)
        report(trained(0))

    monkeypatch.setattr(tracking, "emit_training", train)
    track_stack(dict(list(cells.items())[:1]), 0, context)
    known = [finished_since(store.client, context.experiment_id, planned, list(cells)) for planned in (0, 2_000_001)]
    assert [list(found) for found in known] == [["cell 0"], []]
    monkeypatch.setattr("flows.store.runs.database", lambda client: None)
    asked = [finished_since(store.client, context.experiment_id, planned, list(cells)) for planned in (0, 2_000_001)]
    assert asked == known
