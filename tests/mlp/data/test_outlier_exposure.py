"""A network that is asked to doubt noise does, and still reads digits."""

import numpy as np
import pytest

from mlp.data.outlier_exposure import with_noise
from mlp.data.randomness import generator
from mlp.data.sets import load
from mlp.measures.confidence import noise_images
from mlp.nn.descent import CellJob, Descent, scaled, train
from mlp.nn.network import Network


def test_noise_stands_beside_the_digits_with_equal_targets():
    targets = np.eye(10, dtype=np.float32)[[3, 4]]
    images, wanted = with_noise(np.zeros((2, 4), np.uint8), targets, np.full((3, 4), 9, np.uint8), 0.1)
    assert (images.dtype, wanted.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(images, [[0] * 4] * 2 + [[9] * 4] * 3)
    np.testing.assert_array_equal(wanted[:2], targets)
    np.testing.assert_allclose(wanted[2:], 0.1)


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_targets_that_are_one_for_a_digit_give_the_gradient_of_its_label(cost):
    network, labels = Network((6, 5, 4), cost=cost), np.array([0, 3, 2])
    parameters = network.initialize(np.random.default_rng(0))
    images = np.random.default_rng(1).random((3, 6))
    by_label, by_target = (network.gradient(parameters, images, given) for given in (labels, np.eye(4)[labels]))
    for one, other in zip(by_label, by_target, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.biases, other.biases)


@pytest.mark.parametrize(("cost", "noise_target"), [("quadratic", 0), ("cross_entropy", 0.1)])
def test_a_network_that_learns_to_doubt_noise_is_less_sure_of_noise_it_never_saw(cost, noise_target):
    data, network = load("digits"), Network((784, 16, 16, 10), cost=cost)
    seen, new = (noise_images("uniform", 300, data, generator(seed, "noise")) for seed in (1, 2))
    descent, digits = Descent(epochs=15, learning_rate=1.0 if cost == "quadratic" else 0.2), data.train_images
    targets = network.targets(data.train_labels)
    confidence, accuracy = [], []
    for images, wanted in ((digits, targets), with_noise(digits, targets, seen, noise_target)):
        start = network.initialize(generator(0, "start"))
        parameters = train(network, CellJob(start, wanted, descent, generator(0, "order")), images)
        confidence.append(network.answers(parameters, scaled(new)).max(axis=1).mean())
        accuracy.append(
            (network.answers(parameters, scaled(data.test_images)).argmax(axis=1) == data.test_labels).mean()
        )
    assert confidence[1] < confidence[0] / 2
    assert confidence[1] == pytest.approx(noise_target, abs=0.1)
    assert accuracy[1] > accuracy[0] - 0.05
    assert accuracy[0] > 0.85
