"""Kernel and linear systems against scikit-learn, NumPy's least squares and arithmetic."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.metrics.pairwise import rbf_kernel

from mlp.theory.kernels import (
    curvatures_of,
    descend_quadratic,
    gabor_features,
    gaussian_kernel,
    median_distance,
    minimum_norm,
    solution_norm,
)

IMAGES = np.random.default_rng(0).random((40, 64))
TARGETS = np.random.default_rng(1).normal(size=(40, 3))


def test_the_kernel_is_that_of_scikit_learn():
    others = np.random.default_rng(2).random((7, 64))
    np.testing.assert_allclose(gaussian_kernel(IMAGES, others, 2.0), rbf_kernel(IMAGES, others, gamma=1 / 8))


def test_the_solution_of_the_kernel_is_the_mean_of_a_gaussian_process_without_noise():
    others = np.random.default_rng(2).random((7, 64))
    process = GaussianProcessRegressor(kernels.RBF(1.5), alpha=0, optimizer=None).fit(IMAGES, TARGETS)
    coefficients = minimum_norm(gaussian_kernel(IMAGES, IMAGES, 1.5), TARGETS)
    np.testing.assert_allclose(gaussian_kernel(others, IMAGES, 1.5) @ coefficients, process.predict(others), rtol=1e-6)


def test_the_smallest_solution_of_a_linear_system_is_that_of_least_squares():
    weights = IMAGES.T @ (coefficients := minimum_norm(IMAGES @ IMAGES.T, TARGETS))
    np.testing.assert_allclose(weights, np.linalg.lstsq(IMAGES, TARGETS)[0], rtol=1e-6, atol=1e-9)
    assert solution_norm(coefficients, TARGETS) == pytest.approx(np.linalg.norm(weights))


LARGE = """
import numpy as np
from mlp.theory.kernels import gaussian_kernel, minimum_norm

images, targets = np.random.default_rng(0).random((20_000, 784)), np.eye(10)[np.arange(20_000) % 10]
kernel = gaussian_kernel(images, images, 3.0)
first = kernel[:5].copy()
np.testing.assert_allclose(first @ minimum_norm(kernel, targets), targets[:5], atol=1e-9)
"""


@pytest.mark.slow
def test_a_system_of_twenty_thousand_images_is_solved():
    # In a process of its own: where this fails, the processor says so.
    solved = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, timeout=600)
    assert solved.returncode == 0, solved.stderr


def test_descent_from_zero_finds_the_smallest_solution_and_from_elsewhere_one_that_fits_as_well():
    kernel = IMAGES @ IMAGES.T
    smallest = np.linalg.lstsq(IMAGES, TARGETS)[0]

    def descended(start: np.ndarray) -> np.ndarray:
        return descend_quadratic(lambda w: IMAGES.T @ (IMAGES @ w - TARGETS), start, curvatures_of(kernel), 1000)

    np.testing.assert_allclose(descended(np.zeros((64, 3))), smallest, rtol=1e-6, atol=1e-9)
    elsewhere = descended(np.ones((64, 3)))
    np.testing.assert_allclose(IMAGES @ elsewhere, TARGETS, atol=1e-9)
    assert np.linalg.norm(elsewhere) > np.linalg.norm(smallest)


def test_the_curvatures_are_the_ends_of_the_spectrum():
    assert curvatures_of(np.diag([3.0, 0.5, 2.0])) == pytest.approx((0.5, 3))


def test_the_median_distance_of_three_points_is_the_middle_one():
    assert median_distance(np.array([[0.0], [1.0], [5.0]])) == 4


def test_a_filter_answers_most_to_lines_across_its_direction():
    waves = np.cos(2 * np.pi * 0.25 * np.arange(28))
    upright, level = np.tile(waves, (28, 1)), np.tile(waves[:, np.newaxis], (1, 28))
    features = gabor_features(np.array([upright.ravel(), level.ravel()]))
    strengths = features.reshape(2, 2, 8, 49).sum(axis=3)[:, 1]  # of the filters with 0.25 waves per pixel, by angle
    assert strengths.argmax(axis=1).tolist() == [0, 4]
