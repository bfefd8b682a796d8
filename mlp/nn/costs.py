"""Cost functions by name, each with the output layer that belongs to it, so that outputs lie in [0, 1].

- ``quadratic``: sigmoid outputs; the sum of the squared differences from the targets (no factor 1/2).
- ``cross_entropy``: softmax outputs; minus the logarithm of the right digit's activation.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp.nn.activations import ONE, sigmoid


class Cost(NamedTuple):
    """An output layer and the cost of its activations.

    Attributes
    ----------
    output
        Maps weighted sums (n, outputs) to activations (n, outputs), written into ``out`` if given.
    value
        Maps activations and targets, both (n, outputs), to the cost of each example (n,).
    delta
        Maps both to the derivative of each example's cost with respect to its weighted sums (n, outputs).
    """

    output: Callable[..., NDArray]
    value: Callable[[NDArray, NDArray], NDArray]
    delta: Callable[[NDArray, NDArray], NDArray]


def softmax(z: NDArray, out: NDArray | None = None) -> NDArray:
    """e^z divided by the sum over its row."""
    # Subtracting the row's maximum does not change the result, and e^z can't overflow. NumPy's own maximum and sum take
    # several times as long on rows of ten.
    largest = reduce(np.maximum, np.moveaxis(z, -1, 0))
    powers = np.exp(z - largest[..., np.newaxis], out=out)
    return np.divide(powers, np.einsum("...i->...", powers)[..., np.newaxis], out=out)


def total(values: NDArray) -> NDArray:
    """Sum over the outputs, one after the other: the same bits for every memory layout."""
    return reduce(np.add, np.moveaxis(values, -1, 0))


def squared_distance(a: NDArray, targets: NDArray) -> NDArray:
    """Sum of the squared differences."""
    return total(np.square(a - targets))


def quadratic_delta(a: NDArray, targets: NDArray) -> NDArray:
    """2 (a - targets) a (1 - a)."""
    delta = a - targets
    delta += delta
    delta *= a
    delta *= ONE - a
    return delta


def cross_entropy(a: NDArray, targets: NDArray) -> NDArray:
    """Minus the logarithm of the right digit's activation; -log(tiny) if that underflowed to 0."""
    return -total(targets * np.log(np.maximum(a, np.finfo(a.dtype).tiny)))


COSTS: dict[str, Cost] = {
    "quadratic": Cost(sigmoid, squared_distance, quadratic_delta),
    "cross_entropy": Cost(softmax, cross_entropy, lambda a, targets: a - targets),
}
