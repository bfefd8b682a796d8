"""The costs, by name. A cost brings the output layer that belongs to it, so that outputs always lie in [0, 1].

- ``quadratic``: sigmoid outputs, and the sum of the squared differences from the wanted activations (no factor 1/2).
- ``cross_entropy``: softmax outputs, and minus the logarithm of the wanted digit's activation.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp.activations import ONE, sigmoid


class Cost(NamedTuple):
    """An output layer and the cost of its answers.

    Attributes
    ----------
    output
        Weighted sums (n, outputs) to activations (n, outputs), written into ``out`` if that is given.
    value
        Activations and targets, both (n, outputs), to the cost of each example (n,).
    delta
        Activations and targets to the derivative of each example's cost by its weighted sums (n, outputs).
    """

    output: Callable[..., NDArray]
    value: Callable[[NDArray, NDArray], NDArray]
    delta: Callable[[NDArray, NDArray], NDArray]


def softmax(z: NDArray, out: NDArray | None = None) -> NDArray:
    """Positive activations that sum to one: e^z over its row's sum."""
    # Shifting a row by its maximum changes nothing but keeps the exponential from overflowing. (NumPy's own maximum and
    # sum take several times as long on rows of ten.)
    largest = reduce(np.maximum, np.moveaxis(z, -1, 0))
    powers = np.exp(z - largest[..., np.newaxis], out=out)
    return np.divide(powers, np.einsum("...i->...", powers)[..., np.newaxis], out=out)


def total(values: NDArray) -> NDArray:
    """Sum over the outputs, one after the other: the same bits in whatever order the array lies in memory."""
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
    """Minus the logarithm of the wanted activation; one that underflowed to 0 costs -log(tiny), not infinity."""
    return -total(targets * np.log(np.maximum(a, np.finfo(a.dtype).tiny)))


COSTS: dict[str, Cost] = {
    "quadratic": Cost(
        sigmoid,
        squared_distance,
        quadratic_delta,
    ),
    "cross_entropy": Cost(softmax, cross_entropy, lambda a, targets: a - targets),
}
