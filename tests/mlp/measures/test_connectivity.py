"""Matching against a known permutation; the curve against a cost whose minima are joined by a known valley."""

import numpy as np
import pytest

from mlp.data.randomness import generator
from mlp.measures.connectivity import matched, on_curve, trained_bend
from mlp.measures.landscape import barrier
from mlp.nn.descent import CellJob, Descent, scaled, train
from mlp.nn.network import Layer, Network, flatten, unflatten

NETWORK = Network((64, 9, 7, 10), "relu", "cross_entropy")
IMAGES = np.random.default_rng(0).integers(256, size=(120, 64), dtype=np.uint8)


def permuted(parameters, rng):
    """The same function with the neurons of both hidden layers in another order."""
    (w1, b1), (w2, b2), (w3, b3) = parameters
    first, second = rng.permutation(9), rng.permutation(7)
    return [Layer(w1[:, first], b1[first]), Layer(w2[first][:, second], b2[second]), Layer(w3[second], b3)]


def test_a_permuted_network_is_matched_back_exactly():
    start = NETWORK.initialize(generator(0, "start"))
    back = matched(NETWORK, permuted(start, np.random.default_rng(3)), start, scaled(IMAGES))
    np.testing.assert_array_equal(flatten(back), flatten(start))


def test_matching_does_not_change_what_a_network_answers():
    one, other = (NETWORK.initialize(generator(seed, "start")) for seed in (0, 1))
    again = matched(NETWORK, other, one, scaled(IMAGES))
    assert (flatten(again) != flatten(other)).any()
    np.testing.assert_allclose(
        NETWORK.answers(again, scaled(IMAGES)), NETWORK.answers(other, scaled(IMAGES)), rtol=1e-5
    )


def test_the_curve_begins_and_ends_at_the_minima_and_is_straight_with_its_bend_in_the_middle():
    here, there = np.array([0.0, 1.0]), np.array([2.0, 5.0])
    assert on_curve(here, np.ones(2), there, 0) == pytest.approx(here)
    assert on_curve(here, np.ones(2), there, 1) == pytest.approx(there)
    assert on_curve(here, (here + there) / 2, there, 0.25) == pytest.approx(0.75 * here + 0.25 * there)


def test_a_trained_curve_has_a_lower_barrier_than_the_straight_line():
    # A network and its permuted copy have the same cost, with a barrier between them.
    network = Network((64, 8, 10), "relu", "cross_entropy")
    labels = (IMAGES[:, :10].argmax(axis=1)).astype(np.uint8)
    descent = Descent(0.05, 20, 60, 0.9, "constant")
    job = CellJob(network.initialize(generator(0, "start")), labels, descent, generator(0, "order"))
    (w1, b1), (w2, b2) = parameters = train(network, job, IMAGES)
    other = [Layer(w1[:, ::-1].copy(), b1[::-1].copy()), Layer(w2[::-1].copy(), b2)]
    here, there = flatten(parameters), flatten(other)
    bend = trained_bend(
        network, here, there, IMAGES, labels, Descent(0.02, 20, 60, 0.9, "constant"), generator(1, "order")
    )

    def cost(vector: np.ndarray) -> float:
        return network.average_cost(unflatten(vector, network.sizes), scaled(IMAGES), labels)

    positions = np.linspace(0, 1, 11)
    straight = barrier([cost((1 - t) * here + t * there) for t in positions])
    curved = barrier([cost(on_curve(here, bend, there, t)) for t in positions])
    assert straight > 0.2
    assert curved < 0.5 * straight
