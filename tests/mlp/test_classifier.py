"""The estimator: scikit-learn's own checks, and that it is this project's network inside."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp import Descent, MLPClassifier, Network, flatten, generator, load, train


@pytest.fixture(scope="module")
def digits():
    return load("digits", side=8)


@parametrize_with_checks([MLPClassifier()])
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


def test_it_reads_digits(digits):
    model = MLPClassifier(random_state=0).fit(digits.train_images, digits.train_labels)
    assert model.score(digits.test_images, digits.test_labels) > 0.93


def test_one_seed_gives_the_same_weights_and_another_seed_others(digits):
    first, again, other = (
        MLPClassifier(epochs=1, random_state=seed).fit(digits.train_images, digits.train_labels) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(flatten(first.parameters_), flatten(again.parameters_))
    assert (flatten(first.parameters_) != flatten(other.parameters_)).any()


def test_a_random_state_object_draws_a_new_seed_each_time(digits):
    state = np.random.RandomState(0)
    first, second = (
        MLPClassifier(epochs=1, random_state=state).fit(digits.train_images, digits.train_labels) for _ in range(2)
    )
    assert (flatten(first.parameters_) != flatten(second.parameters_)).any()


def test_its_weights_are_those_of_the_network_trained_with_the_same_seed(digits):
    model = MLPClassifier(epochs=2, random_state=7).fit(digits.train_images, digits.train_labels)
    network = Network((64, 16, 16, 10))
    start, order = network.initialize(generator(7, "start")), generator(7, "order")
    expected = train(network, start, digits.train_images, digits.train_labels, Descent(epochs=2), order)
    np.testing.assert_allclose(flatten(model.parameters_), flatten(expected), atol=1e-4)


def test_pixels_and_the_same_as_floats_get_the_same_answers(digits):
    pixels, labels = digits.train_images, digits.train_labels
    floats = pixels * np.float32(1 / 255)
    model = MLPClassifier(epochs=2, random_state=0)
    np.testing.assert_array_equal(
        model.fit(pixels, labels).predict_proba(pixels), model.fit(floats, labels).predict_proba(floats)
    )


def test_answers_are_probabilities_and_the_largest_one_is_the_prediction(digits):
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    model = MLPClassifier(epochs=3, random_state=0).fit(digits.train_images, names[digits.train_labels])
    answers = model.predict_proba(digits.test_images)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(digits.test_images), np.sort(names)[answers.argmax(axis=1)])


def test_a_grid_search_tunes_it(digits):
    search = GridSearchCV(MLPClassifier(epochs=2, random_state=0), {"learning_rate": [1e-6, 1.5]}, cv=2)
    assert search.fit(digits.train_images, digits.train_labels).best_params_ == {"learning_rate": 1.5}


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_weights_that_do_not_stay_finite_are_an_error_that_names_the_rate():
    inputs, labels = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 2
    model = MLPClassifier(activation="relu", cost="cross_entropy", learning_rate=1e30, random_state=0)
    with pytest.raises(ValueError, match=r"^learning_rate: 1e\+30 given; too large"):
        model.fit(inputs, labels)


@pytest.mark.parametrize(("field", "value"), [("cost", "hinge"), ("epochs", 0), ("schedule", "stairs")])
def test_a_wrong_parameter_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"^{field}: .* given; allowed: "):
        MLPClassifier(**{field: value}).fit([[0.0], [1.0]], [0, 1])
