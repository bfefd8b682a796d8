"""The claim `noise`."""

import numpy as np
import pytest

from mlp.claims.noise import measure
from tests.mlp.claims.constructed import constructed


def test_the_lessons_image_is_the_one_that_numpys_old_generator_draws():
    state = np.random.RandomState(4)
    pixels = measure.lessons_image(constructed())[0]
    np.testing.assert_allclose(pixels[:3], [state.random_sample() for _ in range(3)], rtol=1e-6)


def test_an_untrained_network_keeps_its_confidence():
    untrained = [constructed(seed, trained=False, hidden=(6, 6)) for seed in (0, 1)]
    narrow = constructed(trained=False, hidden=(16,))
    found = measure.measure(*[untrained] * 4, [*untrained, narrow], untrained).quantities
    assert found["uniform_gain"] == pytest.approx([0, 0])
    np.testing.assert_allclose(found["uniform_confidence"], found["uniform_untrained"])
