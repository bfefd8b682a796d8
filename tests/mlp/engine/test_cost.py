"""The estimated time of a stack, worked out by hand."""

import pytest

from mlp.engine.cost import (
    SECONDS_PER_DEEPER_PRODUCT,
    SECONDS_PER_MEMORY,
    SECONDS_PER_NEURON,
    SECONDS_PER_PRODUCT,
    SECONDS_PER_STEP,
    epoch_seconds,
)

# Networks of 2-128-3: 640 weights, 131 neurons, two in a group. Ten images in mini-batches of four are three steps.
SIZES, IMAGES, BATCH_SIZE = (2, 128, 3), 10, 4


def seconds(blocks: list[int], measured: int = 0, shared: bool = True, remembering: int = 0) -> float:
    return epoch_seconds(SIZES, blocks, IMAGES, measured, BATCH_SIZE, shared=shared, remembering=remembering)


def test_one_network_takes_the_time_of_its_products_neurons_and_steps():
    image = 256 * SECONDS_PER_PRODUCT + 384 * SECONDS_PER_DEEPER_PRODUCT + 131 * SECONDS_PER_NEURON
    assert seconds([1], shared=False) == pytest.approx(10 * image + 3 * SECONDS_PER_STEP)
    assert seconds([1], measured=6, shared=False) == pytest.approx(13 * image + 3 * SECONDS_PER_STEP)


def test_two_networks_of_a_group_share_what_a_group_takes_at_every_step():
    assert seconds([2]) == pytest.approx(2 * seconds([1]) - 3 * SECONDS_PER_STEP)
    assert seconds([1, 1]) == pytest.approx(2 * seconds([1]))


def test_a_rule_that_remembers_gradients_takes_time_for_every_weight_of_its_cells():
    assert seconds([2], remembering=1) - seconds([2]) == pytest.approx(3 * 640 * SECONDS_PER_MEMORY)
