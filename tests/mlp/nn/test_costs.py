"""Cost functions, compared with the lesson's worked example, scikit-learn and central differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import log_loss

from mlp.nn.costs import COSTS, softmax
from mlp.nn.network import central_differences

THREE = np.eye(10)[3]


def test_the_lessons_wrong_answer_to_a_3_costs_3_3585():
    answer = np.array([0.43, 0.28, 0.19, 0.88, 0.72, 0.01, 0.64, 0.86, 0.99, 0.63])
    # 0.43² + 0.28² + 0.19² + (0.88 - 1)² + 0.72² + 0.01² + 0.64² + 0.86² + 0.99² + 0.63²
    # = 0.1849 + 0.0784 + 0.0361 + 0.0144 + 0.5184 + 0.0001 + 0.4096 + 0.7396 + 0.9801 + 0.3969
    assert COSTS["quadratic"].value(answer, THREE) == pytest.approx(3.3585)


@pytest.mark.parametrize("name", COSTS)
def test_the_right_answer_costs_nothing(name):
    assert COSTS[name].value(THREE, THREE) == pytest.approx(0)


@pytest.mark.parametrize("name", COSTS)
def test_delta_is_the_slope_of_the_cost_with_respect_to_the_weighted_sums(name):
    cost = COSTS[name]
    z = np.random.default_rng(0).normal(size=10)
    slopes = central_differences(lambda z: cost.value(cost.output(z), THREE), z)
    np.testing.assert_allclose(cost.delta(cost.output(z), THREE), slopes, rtol=1e-6, atol=1e-10)


@given(arrays(np.float32, (3, 5), elements=st.floats(-1e4, 1e4, width=32)))
def test_softmax_sums_to_one_for_weighted_sums_of_any_size(z):
    a = softmax(z)
    assert (a >= 0).all()
    np.testing.assert_allclose(a.sum(axis=1), 1, rtol=1e-5)


def test_softmax_does_not_change_if_a_constant_is_added_to_all_weighted_sums():
    z = np.array([[1.0, 2.0, 4.0]])
    np.testing.assert_allclose(softmax(z + 100), softmax(z))


def test_cross_entropy_is_scikit_learns_log_loss():
    rng = np.random.default_rng(0)
    answers, labels = softmax(rng.normal(size=(20, 10))), rng.integers(10, size=20)
    costs = COSTS["cross_entropy"].value(answers, np.eye(10)[labels])
    assert costs.mean() == pytest.approx(log_loss(labels, answers, labels=range(10)))


def test_a_target_activation_that_underflowed_has_a_large_but_finite_cost():
    answer = np.array([1, 0], np.float32)
    assert COSTS["cross_entropy"].value(answer, np.array([0, 1], np.float32)) == pytest.approx(87.34, abs=0.01)
