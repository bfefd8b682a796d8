"""Activation functions, compared with SciPy and central differences."""

import numpy as np
import pytest
from scipy.special import expit

from mlp.nn.activations import ACTIVATIONS, sigmoid
from mlp.nn.network import central_differences


def test_sigmoid_is_the_logistic_function_and_never_overflows():
    z = np.array([-1e4, -100, -1, 0, 1, 100, 1e4])
    np.testing.assert_allclose(sigmoid(z), expit(z), atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_is_the_slope_of_the_activation(name):
    activation = ACTIVATIONS[name]
    z = np.array([-2.0, -0.3, 0.1, 1.7])
    slopes = central_differences(lambda z: activation.function(z).sum(), z)
    np.testing.assert_allclose(activation.derivative(activation.function(z)), slopes, rtol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_stay_in_float32(name):
    z = np.ones(3, np.float32)
    assert ACTIVATIONS[name].function(z).dtype == ACTIVATIONS[name].derivative(z).dtype == np.float32
