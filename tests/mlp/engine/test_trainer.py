"""One network trained an epoch at a time, compared with the readable network and with arithmetic by hand."""

import math
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array

from mlp import Descent, Network, flatten, generator
from mlp.engine.trainer import Examples, Trainer, warn_of_large

NETWORK = Network((9, 4, 3), cost="cross_entropy")


def inputs_and_labels(rows: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    bright = rng.random((rows, 9)) < np.linspace(0, 1, 9)  # rare pixels on the left, busy ones on the right
    return rng.random((rows, 9), np.float32) * bright, rng.integers(3, size=rows)


def trainer_of(network: Network, inputs: np.ndarray, descent: Descent) -> Trainer:
    return Trainer(
        network,
        network.initialize(generator(0, "start")),
        descent,
        generator(0, "order"),
        inputs,
        generator(0, "dropout"),
    )


def test_a_step_on_weighted_examples_follows_the_weighted_average_of_their_gradients() -> None:
    (inputs, labels), weights = inputs_and_labels(), np.linspace(0, 2, 20).astype(np.float32)
    trainer = trainer_of(NETWORK, inputs, Descent(0.5, batch_size=20))
    start = trainer.parameters
    gradients = [flatten(NETWORK.gradient(start, inputs[[i]], labels[[i]])) for i in range(20)]
    trainer.train(trainer.examples(inputs, labels, weights), epoch=0)
    expected = flatten(start) - 0.5 * np.average(gradients, axis=0, weights=weights)
    np.testing.assert_allclose(flatten(trainer.parameters), expected, atol=1e-6)


def test_cost_and_accuracy_are_averages_over_the_weights() -> None:
    (inputs, labels), weights = inputs_and_labels(), np.linspace(0, 2, 20).astype(np.float32)
    trainer = trainer_of(NETWORK, inputs, Descent())
    cost, accuracy = trainer.measure(trainer.examples(inputs, labels, weights))
    costs = NETWORK.example_costs(trainer.parameters, inputs, labels)
    hits = NETWORK.answers(trainer.parameters, inputs).argmax(axis=1) == labels
    assert cost == pytest.approx(np.average(costs, weights=weights), rel=1e-5)
    assert accuracy == pytest.approx(np.average(hits, weights=weights))


@pytest.mark.parametrize(
    ("cost", "weights", "expected"),
    [
        # Classes in shares of 1/2, 1/4 and 1/4: 1 - (1/4 + 1/16 + 1/16) and the entropy, 1/2 ln 2 + 2 · 1/4 ln 4
        ("quadratic", None, 0.625),
        ("cross_entropy", None, 1.5 * math.log(2)),
        # The weights leave two classes of one half each.
        ("quadratic", np.array([1, 1, 2, 0], np.float32), 0.5),
        ("cross_entropy", np.array([1, 1, 2, 0], np.float32), math.log(2)),
    ],
)
def test_the_best_constant_answer_costs_what_arithmetic_by_hand_gives(cost, weights, expected) -> None:
    network, inputs = Network((9, 4, 3), cost=cost), inputs_and_labels(4)[0]
    trainer = trainer_of(network, inputs, Descent())
    examples = trainer.examples(inputs, np.array([0, 0, 1, 2]), weights)
    assert trainer.constant_cost(examples) == pytest.approx(expected)


def test_an_epoch_that_diverges_leaves_the_parameters_from_before_it() -> None:
    inputs, labels = inputs_and_labels()
    network = Network((9, 4, 3), "relu", "cross_entropy")
    trainer = trainer_of(network, inputs, Descent(1e30, batch_size=5))
    start = flatten(trainer.parameters)
    assert not np.isfinite(trainer.train(trainer.examples(inputs, labels, None), epoch=0))
    np.testing.assert_array_equal(flatten(trainer.parameters), start)
    cost, _ = trainer.measure(trainer.examples(inputs, labels, None))
    assert cost == pytest.approx(network.average_cost(trainer.parameters, inputs, labels), rel=1e-5)


@pytest.mark.parametrize("rule", [{}, {"momentum": 0.9}, {"rule": "nesterov", "momentum": 0.9}, {"rule": "adam"}])
def test_a_copy_trains_on_with_the_state_of_the_original(rule: dict) -> None:
    inputs, labels = inputs_and_labels()
    trainer = trainer_of(NETWORK, inputs, Descent(0.05, batch_size=3, **rule))
    examples = trainer.examples(inputs, labels, None)
    trainer.train(examples, epoch=0)
    twin = pickle.loads(pickle.dumps(trainer))
    for one in (trainer, twin):
        one.train(examples, epoch=1)
    np.testing.assert_array_equal(flatten(trainer.parameters), flatten(twin.parameters))


def test_sparse_inputs_are_split_into_the_same_arrays_as_dense_ones() -> None:
    inputs, labels = inputs_and_labels()
    dense, sparse = (trainer_of(NETWORK, form, Descent()) for form in (inputs, csr_array(inputs)))
    assert 0 < dense.layout.busy.size < 9
    for name in ("busy", "rare", "mean"):
        np.testing.assert_array_equal(getattr(dense.layout, name), getattr(sparse.layout, name))
    one: Examples = dense.examples(inputs, labels, None, np.arange(5, 15))
    other: Examples = sparse.examples(csr_array(inputs), labels, None, np.arange(5, 15))
    np.testing.assert_array_equal(one.images.busy, other.images.busy)
    np.testing.assert_array_equal(one.images.rare.toarray(), other.images.rare.toarray())


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_inputs_with_a_root_mean_square_above_10_warn(form) -> None:
    inputs = inputs_and_labels()[0]
    inputs *= 10 / np.sqrt((inputs**2).mean())
    warn_of_large(form(inputs * 0.999), stacklevel=2)
    with pytest.warns(UserWarning, match="root mean square of 10 given"):
        warn_of_large(form(inputs * 1.001), stacklevel=2)
