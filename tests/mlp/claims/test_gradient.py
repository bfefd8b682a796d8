"""The claim `gradient`."""

import numpy as np
import pytest

from mlp.claims.gradient.figure import component_sizes
from tests.mlp.claims.constructed import constructed, measured
from tests.mlp.figures.drawn import rng


def test_an_untrained_network_keeps_its_gradient():
    untrained = [constructed(seed, trained=False, hidden=(6, 6)) for seed in (0, 1)]
    assert measured("gradient", untrained)["slope_left"] == pytest.approx([1, 1])


def test_the_largest_components_have_the_greatest_effect_and_their_signs_say_up_or_down():
    nets = [constructed(seed, hidden=(16, 16)) for seed in range(3)]
    found = measured("gradient", nets)
    assert (found["before_top_over_random"] > 2).all()
    np.testing.assert_array_equal(found["before_signs"], 1)


def test_the_nudge_at_1_1_is_minus_3_minus_1():
    found = measured("gradient", [constructed()])
    assert (found["nudge_x"], found["nudge_y"]) == (-3, -1)
    assert found["shorter_steps"] == 1


def test_components_are_drawn_in_descending_order():
    gradients = {"untrained": rng().standard_normal(1000), "trained": 0.01 * rng().standard_normal(1000) ** 3}
    figure = component_sizes(gradients)
    sizes = figure.axes[0].lines[0].get_ydata()
    assert (np.diff(sizes) <= 0).all()
    assert sizes[0] == np.abs(gradients["untrained"]).max()
