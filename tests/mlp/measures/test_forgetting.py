"""Forgetting events by hand, and against a training that is repeated."""

import numpy as np

from mlp.data.randomness import generator
from mlp.measures.memorization import correct_by_epoch, forgetting_events, most_forgotten, never_forgotten
from mlp.nn.descent import CellJob, Descent, train
from mlp.nn.network import Network

# Four epochs of five images: always right, learned late, forgotten once, forgotten twice, never learned.
CORRECT = np.array([[1, 0, 1, 1, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 0, 0]], dtype=bool)


def test_an_image_is_forgotten_when_a_right_answer_becomes_wrong():
    assert forgetting_events(CORRECT).tolist() == [0, 0, 1, 2, 0]


def test_an_image_that_was_never_learned_was_not_never_forgotten():
    assert never_forgotten(CORRECT).tolist() == [True, True, False, False, False]


def test_images_that_are_never_learned_come_before_the_most_forgotten_ones():
    rng = np.random.default_rng(0)
    assert [most_forgotten(CORRECT, count, rng).tolist() for count in (1, 2, 3)] == [[4], [3, 4], [2, 3, 4]]


def test_ties_are_drawn():
    rng = np.random.default_rng(0)
    assert {int(most_forgotten(CORRECT, 4, rng)[0]) for _ in range(50)} == {0, 1}


def test_the_last_epoch_has_the_answers_of_the_trained_network():
    network, rng = Network((64, 8, 10), "relu", "cross_entropy"), np.random.default_rng(0)
    images, labels = rng.integers(256, size=(50, 64), dtype=np.uint8), rng.integers(10, size=50)
    descent, start = Descent(0.1, 8, 3, 0.5, "constant"), network.initialize(generator(1, "start"))
    correct, trained = correct_by_epoch(network, start, images, labels, descent)
    assert correct.shape == (3, 50)
    again = train(network, CellJob(start, labels, descent, generator(0, "order")), images)
    answers = network.answers(again, images * np.float32(1 / 255)).argmax(axis=1)
    np.testing.assert_array_equal(correct[-1], answers == labels)
    np.testing.assert_array_equal(trained[0].weights, again[0].weights)
