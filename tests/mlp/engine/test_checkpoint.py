"""A stack that was interrupted after any epoch goes on from its checkpoint as if nothing had happened."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp import CellJob, Dataset, Descent, Network, generator
from mlp.engine import checkpoint as checkpoints
from mlp.engine.checkpoint import Checkpoint
from mlp.engine.stack import StackTraining

ROWS, SIDE, CLASSES = 60, 6, 4
RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, (ROWS + 20, SIDE**2), dtype=np.uint8)
LABELS = RNG.integers(0, CLASSES, ROWS + 20).astype(np.uint8)
DATA = Dataset("random", IMAGES[:ROWS], LABELS[:ROWS], IMAGES[ROWS:], LABELS[ROWS:], "")
NETWORK = Network((SIDE**2, 7, CLASSES))
DESCENTS = [
    Descent(learning_rate=0.3),
    Descent(learning_rate=0.1, momentum=0.9, weight_decay=0.01),
    Descent(learning_rate=0.1, momentum=0.9, rule="nesterov"),
    Descent(learning_rate=0.01, rule="adam"),
    Descent(learning_rate=0.3, dropout=0.3),
    Descent(learning_rate=1e30),  # diverges
]


def training_of(descents: list[Descent], shift: int, own_order: bool, stop_accuracy: float | None) -> StackTraining:
    """A stack with fresh generators."""
    jobs = [
        CellJob(
            NETWORK.initialize(generator(cell, "start")),
            DATA.train_labels,
            replace(descent, shift=shift),
            generator(cell, "order") if own_order else None,
            generator(cell, "dropout"),
        )
        for cell, descent in enumerate(descents)
    ]
    shared = None if own_order else generator(0, "order")
    return StackTraining(NETWORK, jobs, DATA, shared, stop_accuracy=stop_accuracy)


def run(training: StackTraining, until: int | None = None) -> StackTraining:
    for epoch, _ in training.epochs():
        if epoch == until:
            break
    return training


def assert_equal(one: StackTraining, other: StackTraining) -> None:
    assert np.array_equal(one.history.epochs, other.history.epochs)
    assert np.array_equal(one.history.diverged, other.history.diverged)
    for name, values in one.history.metrics.items():
        assert np.array_equal(values, other.history.metrics[name], equal_nan=True), name
    assert len(one.history.snapshots) == len(other.history.snapshots)
    for name, array in one.state().items():
        assert np.array_equal(array, other.state()[name], equal_nan=array.dtype.kind == "f"), name


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(st.tuples(st.sampled_from(DESCENTS), st.integers(1, 6)), min_size=1, max_size=5),
    interrupted=st.integers(0, 5),
    shift=st.integers(0, 1),
    own_order=st.booleans(),
    stop_accuracy=st.sampled_from([None, 0.3]),
)
def test_a_stack_that_goes_on_from_its_checkpoint_gets_the_bits_of_one_that_was_never_interrupted(
    tmp_path_factory, cells, interrupted, shift, own_order, stop_accuracy
):
    choices = [replace(descent, epochs=epochs) for descent, epochs in cells], shift, own_order, stop_accuracy
    whole = run(training_of(*choices))
    checkpoint = Checkpoint(tmp_path_factory.mktemp("state") / "stack.npz")
    checkpoint.due = 0
    checkpoint.write(run(training_of(*choices), until=interrupted).state)
    resumed = training_of(*choices)
    resumed.restore(checkpoint.read())
    assert resumed.epoch == min(interrupted, whole.epoch)
    assert_equal(run(resumed), whole)


def test_a_state_is_not_written_before_a_second_of_training_and_then_takes_a_hundredth_of_it(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    written = []

    def state():
        written.append(now[0])
        now[0] += 0.1
        return {}

    checkpoint = Checkpoint(tmp_path / "stack.npz")
    while now[0] < 35:
        checkpoint.write(state)
        now[0] += 0.05
    assert written[0] == pytest.approx(1, abs=0.06)
    assert np.diff(written).min() > 10
    assert len(written) == 4


def test_a_full_disk_does_not_end_the_training_and_leaves_the_last_state(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "stack.npz")
    checkpoint.due = 0
    checkpoint.write(lambda: {"epoch": np.array(3)})

    def full(file, **arrays):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.np, "savez", full)
    checkpoint.due = 0
    checkpoint.write(lambda: {"epoch": np.array(4)})
    assert checkpoint.read()["epoch"] == 3
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_stack_that_was_trained_removes_its_file_and_those_that_nobody_went_on_with_for_a_month(tmp_path):
    for name, days in (("own", 0), ("last week's", 7), ("last summer's", 120)):
        path = tmp_path / f"{name}.npz"
        path.write_bytes(b"")
        os.utime(path, (time.time() - 86400 * days,) * 2)
    Checkpoint(tmp_path / "own.npz").remove()
    assert [path.name for path in tmp_path.iterdir()] == ["last week's.npz"]
