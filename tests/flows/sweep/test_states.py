"""What the states of a sweep say, on numbers worked out by hand."""

import numpy as np
import pytest

from flows.plan.experiment import Experiment
from flows.sweep.progress import ProgressFolder, StackProgress
from flows.sweep.states import accuracies, accuracy_text, describe, duration, seconds_left, share_done

EXPERIMENT = Experiment(name="some", corruption={"fractions": [0, 0.5]}, seeds="0-1")


def stack(
    cells: int,
    epoch: int,
    phase: str = "training",
    begun: float | None = 100,
    time: float = 130,
    found: dict[str, list[float]] | None = None,
    work: float | None = None,
) -> dict:
    """The state of a stack; each cell is one second of work if nothing else is said."""
    state = {"title": "seeds 0-4", "cells": cells, "epoch": epoch, "phase": phase, "begun": begun, "time": time}
    return state | {"work": work or cells, "accuracies": found or {}}


def sweep(*stacks: dict, cells: int = 50, epochs: int = 30) -> dict:
    """The states of a sweep."""
    named = {f"stack-{i}": state for i, state in enumerate(stacks)}
    return {"sweep": {"cells": cells, "work": cells, "done": 0, "epochs": epochs}} | named


def test_the_share_done_counts_the_epochs_of_all_cells_also_of_those_that_wait():
    # 10 cells at epoch 15 of 30, 20 cells at 3 of 30, 20 that wait: (150 + 60) / 1500.
    assert share_done(sweep(stack(10, 15), stack(20, 3))) == pytest.approx(0.14)


def test_a_large_network_counts_more_than_a_small_one():
    # 5 wide cells are 40 of 45 seconds of work and half done, which took from 100 s to 130 s; 25 s of work are left.
    states = sweep(stack(5, 15, work=40), cells=10)
    states["sweep"]["work"] = 45
    assert share_done(states) == pytest.approx(20 / 45)
    assert seconds_left(states, now=130) == pytest.approx(30 * 25 / 20)


def test_a_stack_that_ended_early_is_done():
    assert share_done(sweep(stack(50, 7, "done"))) == 1


def test_the_time_left_follows_from_the_share_done_since_the_training_began():
    # A quarter took from 100 s to 130 s, so three quarters take 90 s; 10 of them have passed.
    states = sweep(stack(50, 15), cells=100)
    assert share_done(states) == 0.25
    assert seconds_left(states, now=130) == pytest.approx(90)
    assert seconds_left(states, now=140) == pytest.approx(80)


def test_the_time_left_is_counted_from_the_first_stack_to_the_latest_state():
    # From 100 s to 160 s, 3 of 4 stacks of 10 cells are done: 20 s for the fourth.
    ended = [stack(10, 30, "done", begun, time) for begun, time in ((100, 120), (120, 140), (140, 160))]
    assert seconds_left(sweep(*ended, cells=40), now=160) == pytest.approx(20)


@pytest.mark.parametrize(
    "stacks",
    [(), (stack(50, 0, "starting", None),), (stack(50, 0),), (stack(50, 30, "saving"),)],
    ids=["planned", "starting", "before the first epoch", "trained"],
)
def test_before_the_first_epoch_and_after_the_last_no_time_left_is_given(stacks):
    assert seconds_left(sweep(*stacks), now=200) is None
    assert "left" not in describe(sweep(*stacks), now=200)


@pytest.mark.parametrize(
    ("seconds", "text"), [(25.4, "25 s"), (90, "90 s"), (720, "12 min"), (7800, "2 h 10 min"), (360_000, "100 h 0 min")]
)
def test_durations_are_rounded_to_what_matters(seconds, text):
    assert duration(seconds) == text


def test_the_accuracy_of_a_fraction_is_the_mean_over_the_cells_of_all_stacks():
    stacks = [stack(3, 1, found={"0.5": [0.9], "0": [0.94, 0.96]}), stack(2, 1, found={"0.5": [0.6, 0.6], "1": []})]
    assert accuracies(stacks) == pytest.approx({"0": 0.95, "0.5": 0.7})
    assert list(accuracies(stacks)) == ["0", "0.5"]


def test_of_the_accuracies_as_many_are_shown_as_fit():
    stacks = [stack(3, 1, found={"0": [0.942], "0.5": [0.881], "1": [0.103]})]
    assert accuracy_text(stacks, 34) == "0: 94.2 %  0.5: 88.1 %  1: 10.3 %"
    assert accuracy_text(stacks, 32) == "0: 94.2 %  0.5: 88.1 %  …"
    assert accuracy_text(stacks, 24) == "0: 94.2 %  …"
    assert accuracy_text(stacks, 5) == ""


def test_a_sweep_is_described_in_one_line():
    ended = stack(12, 30, "done", found={"0": [0.942] * 12})
    training = stack(13, 3, found={"0.5": [0.881] * 13})
    # 360 + 39 of 1500 epochs took 30 s: 82.8 s for the others.
    assert describe(sweep(ended, training), now=130) == (
        "12 of 50 cells done, epoch 3 of 30, test accuracy 0: 94.2 %, 0.5: 88.1 %, about 83 s left"
    )
    assert "epoch 3–5 of 30" in describe(sweep(training, stack(5, 5)), now=130)
    assert describe(sweep(stack(50, 0, "starting", None, time=118)), now=130) == "0 of 50 cells done, starting, 12 s"
    assert describe(sweep(stack(50, 30, "done")), now=130).startswith("50 of 50 cells done, comparing them")


def test_a_sweep_that_waits_for_another_says_so_until_its_own_stacks_train():
    states = {"sweep": {"cells": 12, "work": 12, "epochs": 30, "waiting": ["123"]}}
    assert describe(states) == "waiting for 12 cells of another sweep (run 123)"
    assert describe(states | {"stack-0": stack(12, 3)}, now=130).startswith("0 of 12 cells done, epoch 3 of 30")


def test_a_stack_writes_its_phase_and_its_accuracy_by_fraction(tmp_path):
    folder = ProgressFolder(tmp_path)
    progress = StackProgress(folder, "stack-0", EXPERIMENT.cells())
    progress.enter("loading")
    assert folder.read()["stack-0"]["phase"] == "loading"
    assert folder.read()["stack-0"]["accuracies"] == {"0": [], "0.5": []}
    progress.enter("training")
    # The cells are seeds 0 and 1 of fraction 0, then of 0.5; one ended in the first epoch and keeps its accuracy.
    progress.record(1, np.array([0.9, 0.8, 0.6, np.nan]))
    progress.record(2, np.array([0.92, np.nan, 0.7, np.nan]))
    state = folder.read()["stack-0"]
    assert state["epoch"] == 2
    assert state["accuracies"] == {"0": [0.92, 0.8], "0.5": [0.7]}
    assert state["begun"] <= state["time"]
