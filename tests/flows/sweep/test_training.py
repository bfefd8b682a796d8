"""A stack that was interrupted goes on from the last epoch that it had kept."""

from contextlib import suppress

import numpy as np
import pytest

from flows.plan.experiment import Experiment
from flows.sweep import training
from flows.sweep.events import CellTrained, EpochEnded
from flows.sweep.progress import Stopped
from flows.sweep.training import checkpoint_path, emit_training
from mlp.engine import checkpoint, stack

EPOCHS = 6
CELLS = {
    f"{cell.seed:016x}": cell
    for cell in Experiment(
        name="kept", data={"name": "digits", "rows": 100}, descent={"epochs": EPOCHS, "dropout": 0.2}, seeds=[0, 1]
    ).cells()
}


@pytest.fixture
def epochs(tmp_path, monkeypatch):
    """The epochs that are trained; every one is kept."""
    monkeypatch.setattr(training, "store_folder", lambda: tmp_path)
    monkeypatch.setattr(checkpoint, "FIRST_SECONDS", 0)
    monkeypatch.setattr(checkpoint, "TIMES_AS_LONG", 0)
    trained = []
    run_epoch = stack.run_epoch

    def noted(layers, images, labels, epoch, *rngs, **options):
        trained.append(epoch + 1)
        run_epoch(layers, images, labels, epoch, *rngs, **options)

    monkeypatch.setattr(stack, "run_epoch", noted)
    return trained


def events_of(cells, stop_at=None):
    events = []

    def emit(event):
        events.append(event)
        if isinstance(event, EpochEnded) and event.epoch == stop_at:
            raise Stopped("interrupted")

    with suppress(Stopped):
        emit_training(cells, emit)
    return events


def test_an_interrupted_stack_trains_only_the_epochs_that_it_had_not_kept_and_ends_with_the_same_bits(epochs):
    whole = [event for event in events_of(CELLS) if isinstance(event, CellTrained)]
    assert epochs == [*range(1, EPOCHS + 1)]
    events_of(CELLS, stop_at=4)
    assert checkpoint_path(CELLS).exists()
    del epochs[:]
    again = events_of(CELLS)
    assert epochs == [4, 5, 6], "the epoch in which it was stopped was not kept any more"
    assert [event.epoch for event in again if isinstance(event, EpochEnded)] == [*range(EPOCHS + 1)]
    for one, other in zip(whole, [event for event in again if isinstance(event, CellTrained)], strict=True):
        np.testing.assert_equal(other.metrics, one.metrics)
        np.testing.assert_equal(other.parameters, one.parameters)
    assert not checkpoint_path(CELLS).exists()


@pytest.mark.parametrize("content", ["no archive", "other arrays"])
def test_a_file_that_holds_no_state_of_the_stack_is_as_good_as_none(epochs, content):
    path = checkpoint_path(CELLS)
    path.parent.mkdir()
    if content == "no archive":
        path.write_bytes(b"PK no archive")
    else:
        np.savez(path, epoch=np.array(3))
    assert sum(isinstance(event, CellTrained) for event in events_of(CELLS)) == 2
    assert epochs == [*range(1, EPOCHS + 1)]
