"""A drawing climbs the gradient of the pixels; networks whose best pixels are known by hand are the oracles."""

import numpy as np
import pytest

from mlp.measures.drawing import Drawings, draw
from mlp.nn.network import Layer, Network, central_differences

READER = Network((9, 5, 3), cost="cross_entropy")


def rng(seed=0):
    return np.random.default_rng(seed)


def parameters_of(network: Network, seed: int = 0) -> list[Layer]:
    return [Layer(*(array.astype(np.float64) for array in layer)) for layer in network.initialize(rng(seed))]


def test_without_hidden_layers_a_step_is_the_difference_of_the_weights():
    network = Network((4, 2), cost="cross_entropy")
    weights = np.array([[1.0, -1], [0, 0], [-2, 2], [0.5, 0]])
    grey = np.full((1, 4), 0.5)
    drawn = draw(network, [Layer(weights, np.zeros(2))], grey, [0], step=0.1, steps=1)
    towards = weights[:, 0] - weights[:, 1]
    np.testing.assert_allclose(drawn.images[0], 0.5 + 0.1 * towards / np.linalg.norm(towards))
    np.testing.assert_allclose(drawn.distances[:, 0], [0, 0.1])


def test_a_step_goes_against_the_gradient_found_by_differences():
    parameters, image = parameters_of(READER), rng(1).uniform(0.3, 0.7, 9)
    slope = central_differences(lambda pixels: READER.average_cost(parameters, pixels[np.newaxis], [2]), image)
    drawn = draw(READER, parameters, image[np.newaxis], [2], step=0.01, steps=1)
    np.testing.assert_allclose((drawn.images[0] - image) / 0.01, -slope / np.linalg.norm(slope), atol=1e-6)


def test_with_enough_steps_the_best_pixels_are_dark_or_bright():
    network = Network((4, 2), cost="cross_entropy")
    weights = np.array([[1.0, 0], [0, 1], [3, 0], [0, 0.5]])
    drawn = draw(network, [Layer(weights, np.zeros(2))], rng().random((1, 4)), [0], step=0.1, steps=60)
    np.testing.assert_allclose(drawn.images[0], [1, 0, 1, 0])


def test_the_wanted_activation_rises_and_pixels_stay_in_their_range():
    parameters, images = parameters_of(READER), rng(2).random((6, 9))
    drawn = draw(READER, parameters, images, [0, 1, 2, 0, 1, 2], step=0.02, steps=50)
    assert (np.diff(drawn.activations, axis=0) > -1e-6).all()
    assert (drawn.activations[-1] > drawn.activations[0]).all()
    assert drawn.images.min() >= 0
    assert drawn.images.max() <= 1
    assert (drawn.distances <= 0.02 * np.arange(51)[:, np.newaxis] + 1e-9).all()
    answers = READER.answers(parameters, drawn.images)
    np.testing.assert_allclose(drawn.activations[-1], answers[np.arange(6), [0, 1, 2, 0, 1, 2]])


def test_an_image_that_can_go_no_further_stays():
    network = Network((2, 2), cost="cross_entropy")
    best = np.array([[1.0, 0]])
    drawn = draw(network, [Layer(np.eye(2), np.zeros(2))], best, [0], steps=3)
    np.testing.assert_array_equal(drawn.images, best)


def test_what_was_needed_is_the_distance_at_the_first_step_that_reached_it():
    drawn = Drawings(
        np.zeros((2, 1)), np.array([[0.1, 0.1], [0.6, 0.2], [0.9, 0.3]]), np.array([[0, 0], [1, 1], [2, 2]])
    )
    assert drawn.needed(0.5) == pytest.approx([1, np.nan], nan_ok=True)
    assert drawn.needed(0.1) == pytest.approx([0, 0])
