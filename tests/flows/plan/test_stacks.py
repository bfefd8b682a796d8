"""Cells of the same shape are trained together, within the memory and divided among the workers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.stacks import (
    CACHE_BYTES,
    MAX_CELLS_OF_A_STACK,
    assigned,
    bytes_of,
    bytes_of_step,
    plan,
    ranges,
    seconds_of,
    title,
)

PLENTY = 1e12


def cells_of(**fields) -> dict[str, Cell]:
    experiment = Experiment.model_validate({"name": "some", "seeds": "0-9"} | fields)
    return {cell.name: cell for cell in experiment.cells()}


@given(
    seeds=st.integers(1, 200),
    workers=st.integers(1, 8),
    memory=st.floats(1, 1e9),
    widths=st.lists(st.integers(1, 64), min_size=1, max_size=3, unique=True),
)
def test_every_cell_is_in_exactly_one_stack_and_a_stack_has_one_shape(seeds, workers, memory, widths):
    cells = cells_of(seeds=f"0-{seeds - 1}", networks=[{"hidden": [width]} for width in widths])
    stacks = plan(cells, workers, memory)
    assert sorted(key for stack in stacks for key in stack) == sorted(cells)
    for stack in stacks:
        assert len({cell.shape for cell in stack.values()}) == 1
        assert len(stack) <= MAX_CELLS_OF_A_STACK


def test_two_workers_share_the_shuffle_grid_evenly():
    cells = cells_of(corruption={"fractions": [0, 0.25, 0.5, 0.75, 1]})
    assert [len(stack) for stack in plan(cells, 2, PLENTY)] == [25, 25]


def test_a_grid_of_rates_and_momenta_is_one_stack():
    cells = cells_of(seeds="0-4", descent={"learning_rate": [0.5, 1.5, 3], "momentum": [0, 0.9]})
    assert [len(stack) for stack in plan(cells, 1, PLENTY)] == [30]
    # Two workers take a momentum each, the longer one first: each of the two blocks fills a group of the first layer.
    stacks = plan(cells, 2, PLENTY)
    assert [{cell.descent.momentum for cell in stack.values()} for stack in stacks] == [{0.9}, {0}]


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_no_worker_is_idle_for_the_last_third(workers):
    networks = [{"hidden": [16, 16]}, {"hidden": [64], "activation": ["sigmoid", "relu"]}, {"hidden": [512]}]
    cells = cells_of(networks=networks, descent={"batch_size": [10, 128], "learning_rate": [0.1, 0.3]})
    times = [work.seconds for work in assigned(plan(cells, workers, PLENTY), workers)]
    assert len(times) == workers
    assert min(times) > 0.9 * max(times)


def test_workers_begin_with_the_longest_stacks():
    stacks = plan(cells_of(networks=[{"hidden": [16]}, {"hidden": [300]}, {"hidden": [100]}]), 2, PLENTY)
    seconds = [seconds_of(stack.values()) for stack in stacks]
    assert seconds == sorted(seconds, reverse=True)


def test_a_small_amount_of_work_stays_in_one_stack():
    assert [len(stack) for stack in plan(cells_of(data={"rows": 1000}), 2, PLENTY)] == [10]


def test_stacks_shrink_to_fit_the_memory_but_keep_at_least_one_cell():
    cells = cells_of()
    bytes_of_one = bytes_of(next(iter(cells.values())))
    assert [len(stack) for stack in plan(cells, 1, 5 * bytes_of_one)] == [5, 5]
    assert [len(stack) for stack in plan(cells, 2, 5 * bytes_of_one)] == [2, 2, 2, 2, 2]
    assert [len(stack) for stack in plan(cells, 1, 1)] == [1] * 10


def test_stacks_of_wide_networks_fit_into_the_cache_if_they_train_for_long():
    wide = {"networks": [{"hidden": [512]}], "seeds": "0-31"}
    sizes = [len(stack) for stack in plan(cells_of(**wide), 1, PLENTY)]
    assert max(sizes) * bytes_of_step(next(iter(cells_of(**wide).values()))) <= CACHE_BYTES
    short = cells_of(**wide, data={"rows": 1000}, descent={"epochs": 2})
    assert [len(stack) for stack in plan(short, 1, PLENTY)] == [32]
    # What sixteen networks of sixteen neurons read and write fits as it is.
    assert [len(stack) for stack in plan(cells_of(seeds="0-31"), 1, PLENTY)] == [32]


def test_numbers_in_a_row_are_a_range():
    assert ranges([8, 0, 1, 2, 5, 7]) == "0-2, 5, 7-8"


def test_a_stack_is_called_by_what_it_trains():
    same_network = cells_of(seeds="0-2, 5", corruption={"fractions": [0, 0.5]})
    assert title(same_network.values()) == "seeds 0-2, 5, fractions 0, 0.5"
    wide = [cell for cell in cells_of(networks=[{}, {"hidden": [30]}]).values() if cell.network.hidden == (30,)]
    assert title(wide) == "seeds 0-9, fractions 0, hidden 30"
