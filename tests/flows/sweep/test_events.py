"""What the states of a sweep say, on numbers worked out by hand."""

import numpy as np
import pytest

from flows.sweep.events import (
    CellTrained,
    EpochEnded,
    Loaded,
    StackBegan,
    StackEnded,
    StackState,
    SweepPlanned,
    SweepState,
    accuracy_text,
    duration,
    mean_accuracies,
)


def stack(
    cells: int,
    epoch: int,
    phase: str = "training",
    begun: float | None = 100,
    time: float = 130,
    found: dict[float, list[float]] | None = None,
    work: float | None = None,
) -> StackState:
    """The state of a stack; each cell is one second of work if nothing else is said."""
    measured = [(fraction, value) for fraction, values in (found or {}).items() for value in values]
    measured += [(0.0, np.nan)] * (cells - len(measured))
    fractions, accuracies = zip(*measured, strict=True)
    began = StackBegan("seeds 0-4", fractions, work or cells)
    return StackState(began, time, np.array(accuracies), phase, epoch, begun)


def sweep(*stacks: StackState, cells: int = 50, work: float | None = None, waiting_for: str = "") -> SweepState:
    """The state of a sweep of 30 epochs."""
    return SweepState(SweepPlanned(cells, 0, work or cells, 30, waiting_for), dict(enumerate(stacks)))


def test_the_share_done_counts_the_epochs_of_all_cells_also_of_those_that_wait():
    # 10 cells at epoch 15 of 30, 20 cells at 3 of 30, 20 that wait: (150 + 60) / 1500.
    assert sweep(stack(10, 15), stack(20, 3)).share_done == pytest.approx(0.14)


def test_a_large_network_counts_more_than_a_small_one():
    # 5 wide cells are 40 of 45 seconds of work and half done, which took from 100 s to 130 s; 25 s of work are left.
    states = sweep(stack(5, 15, work=40), cells=10, work=45)
    assert states.share_done == pytest.approx(20 / 45)
    assert states.seconds_left(now=130) == pytest.approx(30 * 25 / 20)


def test_a_stack_that_ended_early_is_done():
    assert sweep(stack(50, 7, "done")).share_done == 1


def test_the_time_left_follows_from_the_share_done_since_the_training_began():
    # A quarter took from 100 s to 130 s, so three quarters take 90 s; 10 of them have passed.
    states = sweep(stack(50, 15), cells=100)
    assert states.share_done == 0.25
    assert states.seconds_left(now=130) == pytest.approx(90)
    assert states.seconds_left(now=140) == pytest.approx(80)


def test_the_time_left_is_counted_from_the_first_stack_to_the_latest_state():
    # From 100 s to 160 s, 3 of 4 stacks of 10 cells are done: 20 s for the fourth.
    ended = [stack(10, 30, "done", begun, time) for begun, time in ((100, 120), (120, 140), (140, 160))]
    assert sweep(*ended, cells=40).seconds_left(now=160) == pytest.approx(20)


@pytest.mark.parametrize(
    "stacks",
    [(), (stack(50, 0, "loading", None),), (stack(50, 0),), (stack(50, 30, "saving"),)],
    ids=["planned", "loading", "before the first epoch", "trained"],
)
def test_before_the_first_epoch_and_after_the_last_no_time_left_is_given(stacks):
    assert sweep(*stacks).seconds_left(now=200) is None
    assert "left" not in sweep(*stacks).describe(now=200)


@pytest.mark.parametrize(
    ("seconds", "text"), [(25.4, "25 s"), (90, "90 s"), (720, "12 min"), (7800, "2 h 10 min"), (360_000, "100 h 0 min")]
)
def test_durations_are_rounded_to_what_matters(seconds, text):
    assert duration(seconds) == text


def test_the_accuracy_of_a_fraction_is_the_mean_over_the_cells_of_all_stacks():
    stacks = [stack(3, 1, found={0.5: [0.9], 0: [0.94, 0.96]}), stack(2, 1, found={0.5: [0.6, 0.6]})]
    assert mean_accuracies(stacks) == pytest.approx({0: 0.95, 0.5: 0.7})
    assert list(mean_accuracies(stacks)) == [0, 0.5]


def test_of_the_accuracies_as_many_are_shown_as_fit():
    stacks = [stack(3, 1, found={0: [0.942], 0.5: [0.881], 1: [0.103]})]
    assert accuracy_text(stacks, 34) == "0: 94.2 %  0.5: 88.1 %  1: 10.3 %"
    assert accuracy_text(stacks, 32) == "0: 94.2 %  0.5: 88.1 %  …"
    assert accuracy_text(stacks, 24) == "0: 94.2 %  …"
    assert accuracy_text(stacks, 5) == ""


def test_a_sweep_is_described_in_one_line():
    ended = stack(12, 30, "done", found={0: [0.942] * 12})
    training = stack(13, 3, found={0.5: [0.881] * 13})
    # 360 + 39 of 1500 epochs took 30 s: 82.8 s for the others.
    assert sweep(ended, training).describe(now=130) == (
        "12 of 50 cells done, epoch 3 of 30, test accuracy 0: 94.2 %, 0.5: 88.1 %, about 83 s left"
    )
    assert "epoch 3–5 of 30" in sweep(training, stack(5, 5)).describe(now=130)
    assert sweep(stack(50, 0, "loading", None, time=118)).describe(now=130) == "0 of 50 cells done, loading, 12 s"
    assert sweep(stack(50, 30, "done")).describe(now=130).startswith("50 of 50 cells done, comparing them")


def test_a_sweep_that_waits_for_another_says_so():
    waiting = sweep(cells=12, waiting_for="123")
    assert waiting.describe() == "waiting for 12 cells of another sweep (run 123)"


def test_the_state_of_a_stack_follows_from_its_events():
    began = StackBegan("seeds 0-1", (0.0, 0.0, 0.5, 0.5), work=4, time=100)
    state = SweepState(SweepPlanned(8, 0, 8, 10)).after(began, 1)
    assert state.stacks[0].doing(10, now=103) == "loading, 3 s"
    assert mean_accuracies(state.stacks) == {}
    state = state.after(Loaded({}, 10, (), time=110), 1)
    # One cell ends in the first epoch, another has diverged in the second: both keep what they had.
    state = state.after(EpochEnded(1, {"test/accuracy": np.array([0.9, 0.8, 0.6, np.nan])}, time=112), 1)
    state = state.after(EpochEnded(2, {"test/accuracy": np.array([0.92, np.nan, 0.7, np.nan])}, time=114), 1)
    (now,) = state.running
    assert (now.phase, now.epoch, now.training_began, now.time) == ("training", 2, 110, 114)
    assert mean_accuracies(state.stacks) == pytest.approx({0: 0.86, 0.5: 0.7})
    for index in range(4):
        state = state.after(CellTrained(115, index, 2, False, {}, [], {}), 1)
    assert (state.stacks[0].doing(10, now=118), state.cells_done) == ("saving, 3 s", 0)
    state = state.after(StackEnded(time=120), 1)
    assert (state.running, state.cells_done, state.share_done) == ([], 4, 0.5)


def test_stacks_are_shown_in_the_order_in_which_they_were_planned():
    state = SweepState()
    for number in (10, 2, 0):
        state = state.after(StackBegan(f"stack {number}", (0.0,), work=1), number)
    assert [stack.began.title for stack in state.stacks] == ["stack 0", "stack 2", "stack 10"]
