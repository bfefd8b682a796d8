"""The readable network, compared with central differences, PyTorch, scikit-learn and arithmetic by hand."""

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP

from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.descent import dropout_mask
from mlp.nn.network import STARTS, Layer, Network, central_differences, flatten, unflatten

SIZES = (6, 5, 4, 3)
# Made by make_pytorch_oracle.py.
ORACLE = json.loads(Path(__file__).with_name("pytorch_oracle.json").read_text(encoding="utf-8"))["gradients"]


def example(network, rows=7, dtype=np.float64):
    """Random parameters, images and labels for a network."""
    rng = np.random.default_rng(1)
    parameters = unflatten(rng.normal(size=network.parameter_count).astype(dtype), network.sizes)
    images = rng.random((rows, network.sizes[0])).astype(dtype)
    return parameters, images, rng.integers(network.sizes[-1], size=rows)


def test_the_lessons_network_has_13002_parameters():
    # 784·16 + 16·16 + 16·10 weights and 16 + 16 + 10 biases
    assert Network().parameter_count == 13_002
    assert flatten(Network().initialize(np.random.default_rng(0))).shape == (13_002,)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("sizes", [(6, 3), SIZES], ids=["no hidden layer", "two hidden layers"])
def test_backpropagation_gives_the_slope_of_the_cost_along_every_parameter(activation, cost, sizes):
    network = Network(sizes, activation, cost)
    parameters, images, labels = example(network)
    slopes = central_differences(
        lambda vector: network.average_cost(unflatten(vector, sizes), images, labels), flatten(parameters)
    )
    np.testing.assert_allclose(flatten(network.gradient(parameters, images, labels)), slopes, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("cost", COSTS)
def test_with_dropped_activations_it_is_the_slope_of_the_cost_without_them(activation, cost):
    network = Network(SIZES, activation, cost)
    parameters, images, labels = example(network)
    masks = [dropout_mask(len(images), neurons, 0.4, np.random.default_rng(neurons)) for neurons in SIZES[1:-1]]

    def value(vector):
        answers = network.forward(unflatten(vector, SIZES), images, masks)[-1]
        return float(COSTS[cost].value(answers, network.targets(labels, np.float64)).mean())

    slopes = central_differences(value, flatten(parameters))
    np.testing.assert_allclose(
        flatten(network.gradient(parameters, images, labels, masks)), slopes, rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize("found", ORACLE["found"], ids=lambda found: f"{found['activation']}-{found['cost']}")
def test_pytorch_finds_the_same_cost_and_gradient(found):
    network = Network(tuple(ORACLE["sizes"]), found["activation"], found["cost"])
    parameters = unflatten(np.array(ORACLE["parameters"]), network.sizes)
    images, labels = np.array(ORACLE["images"]), ORACLE["labels"]
    assert network.average_cost(parameters, images, labels) == pytest.approx(found["value"], rel=1e-12)
    slopes = flatten(network.gradient(parameters, images, labels))
    np.testing.assert_allclose(slopes, found["gradient"], rtol=1e-9, atol=1e-12)


def test_the_pytorch_oracle_covers_every_kind_of_network():
    kinds = {(found["activation"], found["cost"]) for found in ORACLE["found"]}
    assert kinds == set(product(ACTIVATIONS, COSTS))


@pytest.mark.parametrize(("activation", "theirs"), [("sigmoid", "logistic"), ("tanh", "tanh"), ("relu", "relu")])
def test_scikit_learn_gives_the_same_answers_with_the_same_weights(activation, theirs):
    network = Network(SIZES, activation, "cross_entropy")
    parameters, images, labels = example(network, rows=30)
    other = ScikitLearnMLP(SIZES[1:-1], activation=theirs, max_iter=1).partial_fit(images, labels, classes=range(3))
    other.coefs_, other.intercepts_ = map(list, zip(*parameters, strict=True))
    np.testing.assert_allclose(network.answers(parameters, images), other.predict_proba(images), rtol=1e-9)


def test_backpropagation_gives_the_gradient_worked_out_by_hand():
    network = Network((2, 2, 2), "sigmoid", "quadratic")
    parameters = [Layer(np.zeros((2, 2)), np.zeros(2)), Layer(np.array([[1.0, -1.0], [1.0, -1.0]]), np.zeros(2))]
    image, label = np.array([[1.0, 0.0]]), [0]
    # hidden: sigmoid(0) = 0.5, twice; weighted sums of the outputs: 0.5 + 0.5 = 1 and -0.5 - 0.5 = -1
    # answers: sigmoid(1) = 0.7310586 and sigmoid(-1) = 0.2689414; wanted: 1 and 0
    answers = network.answers(parameters, image)
    np.testing.assert_allclose(answers, [[0.7310586, 0.2689414]], atol=1e-7)
    # cost: 0.2689414² + 0.2689414² = 0.1446590
    assert network.average_cost(parameters, image, label) == pytest.approx(0.1446590, abs=1e-7)
    # delta of the outputs: 2 (a - wanted) a (1 - a) = ∓2 · 0.2689414 · 0.1966119 = ∓0.1057541
    # by the last weights: 0.5 · ∓0.1057541 = ∓0.0528771
    # delta of the hidden: (1 · -0.1057541 + -1 · 0.1057541) · 0.5 · 0.5 = -0.0528771, twice
    # by the first weights: 1 · -0.0528771 from the bright pixel, 0 from the dark one
    first, last = network.gradient(parameters, image, label)
    np.testing.assert_allclose(last.biases, [-0.1057541, 0.1057541], atol=1e-7)
    np.testing.assert_allclose(last.weights, [[-0.0528771, 0.0528771]] * 2, atol=1e-7)
    np.testing.assert_allclose(first.biases, [-0.0528771, -0.0528771], atol=1e-7)
    np.testing.assert_allclose(first.weights, [[-0.0528771, -0.0528771], [0, 0]], atol=1e-7)


def test_the_gradient_of_a_set_is_the_average_of_its_examples_gradients():
    network = Network(SIZES)
    parameters, images, labels = example(network)
    gradients = [flatten(network.gradient(parameters, images[[i]], labels[[i]])) for i in range(len(images))]
    np.testing.assert_allclose(flatten(network.gradient(parameters, images, labels)), np.mean(gradients, axis=0))


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5).map(tuple))
def test_unflatten_undoes_flatten(sizes):
    network = Network(sizes)
    vector = np.arange(network.parameter_count)
    parameters = unflatten(vector, sizes)
    assert [layer.weights.shape for layer in parameters] == list(pairwise(sizes))
    assert [layer.biases.shape for layer in parameters] == [(size,) for size in sizes[1:]]
    np.testing.assert_array_equal(flatten(parameters), vector)


def test_weights_scaled_by_fan_in_start_with_weighted_sums_of_variance_one_and_no_bias():
    weights, biases = Network((784, 100, 10), start="fan_in").initialize(np.random.default_rng(0))[0]
    assert weights.std() == pytest.approx(1 / 28, rel=0.02)
    assert not biases.any()


def test_a_normal_start_draws_weights_and_biases_of_variance_one():
    weights, biases = Network((784, 100, 10), start="normal").initialize(np.random.default_rng(0))[0]
    assert weights.std() == pytest.approx(1, rel=0.02)
    assert biases.std() == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("start", STARTS)
def test_all_results_are_float32(start):
    network = Network(SIZES, start=start)
    parameters = network.initialize(np.random.default_rng(0))
    _, images, labels = example(network, dtype=np.float32)
    assert flatten(parameters).dtype == np.float32
    assert network.answers(parameters, images).dtype == np.float32
    assert flatten(network.gradient(parameters, images, labels)).dtype == np.float32


@pytest.mark.parametrize(
    ("field", "value"),
    [("sizes", (784,)), ("sizes", (784, 0, 10)), ("activation", "step"), ("cost", "hinge"), ("start", "zeros")],
)
def test_an_impossible_network_is_refused_with_the_name_of_the_field(field, value):
    with pytest.raises(ValueError, match=f"^{field}: .* given; "):
        Network(**{field: value})
