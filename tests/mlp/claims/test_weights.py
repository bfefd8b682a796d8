"""The claim `weights`."""

import numpy as np

from mlp.claims.weights import measure
from tests.mlp.claims.constructed import constructed, measured


def test_random_weights_do_not_resemble_their_neighbours():
    nets = [constructed(seed) for seed in range(3)]
    found = measured("weights", nets, nets, nets)
    assert np.abs(found["lesson_untrained"]).max() < found["noise_limit"]


def test_weights_are_drawn_with_their_sign_and_a_power_of_their_size():
    shown = measure.drawn(np.array([[-1.0], [0.5], [0.0], [2.0]]))
    np.testing.assert_allclose(shown[0].ravel(), [-1, 0.5**0.3, 0, 2**0.3])
