"""The derivative through the whole descent is what a change of one pixel does to a network that is trained anew."""

from dataclasses import replace

import numpy as np
import pytest

from mlp.measures.memorization import input_gradient
from mlp.measures.unrolled import gradients_along, unrolled_derivatives
from mlp.nn.descent import CellJob, Descent, train
from mlp.nn.network import Layer, Network, central_differences, flatten, unflatten

NETWORK = Network((6, 5, 4, 3), "relu", "cross_entropy")
DESCENT = Descent(0.3, batch_size=3, epochs=3, schedule="exponential", decay=0.8)
RNG = np.random.default_rng(5)
IMAGES, LABELS = RNG.random((8, 6)), np.arange(8) % 3  # the last mini-batch is smaller
START = [Layer(*(array.astype(np.float64) for array in layer)) for layer in NETWORK.initialize(RNG)]


def batch_rng():
    return np.random.default_rng(7)


def cost_of_training(pixels, epochs):
    """The average cost of a network that was trained on these images, on the same images."""
    images = pixels.reshape(IMAGES.shape)
    trained = train(NETWORK, CellJob(START, LABELS, replace(DESCENT, epochs=epochs), batch_rng()), images)
    return NETWORK.average_cost(trained, images, LABELS)


def test_it_is_the_central_difference_of_training_anew_after_every_epoch():
    derivatives = unrolled_derivatives(NETWORK, START, IMAGES, LABELS, DESCENT, batch_rng())
    for epochs, derivative in enumerate(derivatives, start=1):
        retrained = central_differences(lambda pixels, e=epochs: cost_of_training(pixels, e), IMAGES.ravel())
        np.testing.assert_allclose(derivative.ravel(), retrained, rtol=1e-5, atol=1e-9)


def test_with_tiny_steps_only_the_images_own_part_of_the_cost_is_left():
    tiny = replace(DESCENT, learning_rate=1e-9)
    derivatives = unrolled_derivatives(NETWORK, START, IMAGES, LABELS, tiny, batch_rng())
    own = input_gradient(NETWORK, START, IMAGES, LABELS) / len(IMAGES)
    np.testing.assert_allclose(derivatives, np.broadcast_to(own, derivatives.shape), atol=1e-8)


def test_the_products_with_the_hessian_are_differences_of_gradients():
    vectors = RNG.standard_normal((2, flatten(START).size))
    each = [unflatten(vector, NETWORK.sizes) for vector in vectors]
    directions = [Layer(*map(np.stack, zip(*layers, strict=True))) for layers in zip(*each, strict=True)]
    products, _ = gradients_along(NETWORK, START, directions, IMAGES, LABELS)
    for place, vector in enumerate(vectors):
        ends = [
            flatten(NETWORK.gradient(unflatten(flatten(START) + step * vector, NETWORK.sizes), IMAGES, LABELS))
            for step in (1e-6, -1e-6)
        ]
        product = flatten([Layer(*(array[place] for array in layer)) for layer in products])
        np.testing.assert_allclose(product, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("field", "network", "descent"),
    [("activation", Network((6, 3)), DESCENT), ("momentum", NETWORK, replace(DESCENT, momentum=0.9))],
)
def test_what_is_not_plain_descent_of_a_relu_network_is_refused(field, network, descent):
    with pytest.raises(ValueError, match=rf"^{field}: .* given; allowed, to unroll the descent: "):
        unrolled_derivatives(network, START, IMAGES, LABELS, descent, batch_rng())
