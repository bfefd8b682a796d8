"""The claim `noise`."""

import numpy as np
import pytest

from mlp.claims.noise import measure
from mlp.claims.noise.figure import favourite_digits, share_above
from tests.mlp.claims.constructed import constructed, measured
from tests.mlp.figures.drawn import labels, rng


def test_the_lessons_image_is_the_one_that_numpys_old_generator_draws():
    state = np.random.RandomState(4)
    pixels = measure.lessons_image(constructed())[0]
    np.testing.assert_allclose(pixels[:3], [state.random_sample() for _ in range(3)], rtol=1e-6)


def test_an_untrained_network_keeps_its_confidence():
    untrained = [constructed(seed, trained=False, hidden=(6, 6)) for seed in (0, 1)]
    narrow = constructed(trained=False, hidden=(16,))
    found = measured("noise", *[untrained] * 4, [*untrained, narrow], untrained)
    assert found["uniform_gain"] == pytest.approx([0, 0])
    np.testing.assert_allclose(found["uniform_confidence"], found["uniform_untrained"])


def test_favourite_digits_are_counted():
    figure = favourite_digits({"uniform": np.array([8, 8, 3]), "gaussian": np.array([2, 2, 2])})
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights[8] == 2
    assert heights[3] == 1
    assert heights[10 + 2] == 3


def test_the_share_above_a_level_starts_at_all_and_falls():
    figure = share_above({"noise": rng().random(100)}, {"an image": np.array([0.99, 0.5])})
    curve = figure.axes[0].lines[0]
    assert curve.get_ydata()[0] == 1
    assert (np.diff(curve.get_ydata()) < 0).all()
    assert {"noise", "an image, by each network"} <= labels(figure)
