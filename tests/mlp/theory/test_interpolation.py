"""The constructed network against a dense triangular system, and by hand."""

import numpy as np
import pytest
from scipy.linalg import solve_triangular

from mlp.theory.interpolation import interpolate


def images(n: int, pixels: int = 50) -> np.ndarray:
    return np.random.default_rng(1).random((n, pixels))


def test_the_network_gives_every_image_its_random_label_with_2n_plus_d_weights():
    labels = np.random.default_rng(2).integers(10, size=600)
    network = interpolate(images(600), labels, np.random.default_rng(0))
    np.testing.assert_allclose(network.answers(images(600)), labels, atol=1e-6)
    assert network.parameter_count == 2 * 600 + 50


def test_the_weights_solve_the_triangular_system():
    labels = np.random.default_rng(2).normal(size=200)
    network = interpolate(images(200), labels, np.random.default_rng(0))
    z = np.sort(images(200) @ network.projection)
    matrix = np.maximum(z[:, np.newaxis] - network.thresholds, 0)
    assert (np.triu(matrix, 1) == 0).all()
    assert (np.diag(matrix) > 0).all()
    order = np.argsort(images(200) @ network.projection)
    np.testing.assert_allclose(network.weights, solve_triangular(matrix, labels[order], lower=True), rtol=1e-6)


def test_two_points_on_a_line_by_hand():
    class Ones:  # a projection of 1: the points stay where they are
        def standard_normal(self, size):
            return np.ones(size)

    network = interpolate(np.array([[2.0], [1.0]]), [7, 3], Ones())
    # Thresholds 1 - 1 and 1 + 0.1; slope 3 to the first point, then (7 - 3.3) / 0.9 from the bend at 1.1.
    np.testing.assert_allclose(network.thresholds, [0, 1.1])
    np.testing.assert_allclose(network.weights, [3, 3.7 / 0.9 - 3])


def test_equal_images_are_refused_because_they_may_have_different_labels():
    twice = images(10)
    twice[7] = twice[2]
    with pytest.raises(ValueError, match="rows 2 and 7 have the same projection; allowed: different images"):
        interpolate(twice, np.arange(10), np.random.default_rng(0))
