"""Activation functions of the hidden layers, by name.

Each derivative is a function of the activation ``a = f(z)``, so that the backward pass needs no weighted sums. Like
NumPy's functions, all write into ``out``, if given, and return it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Small networks make many small calls, and NumPy converts 0-d arrays in half the time of Python numbers.
HALF, ONE = np.array(0.5, np.float32), np.array(1, np.float32)


class Activation(NamedTuple):
    """A function of the weighted sum z, and its derivative as a function of the activation a = f(z)."""

    function: Callable[..., NDArray]
    derivative: Callable[..., NDArray]


def sigmoid(z: NDArray, out: NDArray | None = None) -> NDArray:
    """Logistic function 1 / (1 + e^-z), computed as (1 + tanh(z / 2)) / 2, which can't overflow."""
    t = np.tanh(np.multiply(z, HALF, out=out), out=out)
    return np.multiply(np.add(t, ONE, out=out), HALF, out=out)


def sigmoid_derivative(a: NDArray, out: NDArray | None = None) -> NDArray:
    """a (1 - a)."""
    return np.multiply(np.subtract(ONE, a, out=out), a, out=out)


def tanh_derivative(a: NDArray, out: NDArray | None = None) -> NDArray:
    """1 - a^2."""
    return np.subtract(ONE, np.multiply(a, a, out=out), out=out)


def relu(z: NDArray, out: NDArray | None = None) -> NDArray:
    """The positive part of z."""
    return np.maximum(z, 0, out=out)


def relu_derivative(a: NDArray, out: NDArray | None = None) -> NDArray:
    """1 where the neuron is active, else 0."""
    return np.greater(a, 0, out=np.empty_like(a) if out is None else out)


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation(sigmoid, sigmoid_derivative),
    "tanh": Activation(np.tanh, tanh_derivative),
    "relu": Activation(relu, relu_derivative),
}
