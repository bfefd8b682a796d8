"""One multilayer perceptron: weighted sums, activations, cost and backpropagation, written to be read.

`mlp.engine.stack` trains many networks at once; the tests compare it with this module.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS

STARTS = ("fan_in", "normal")


class Layer(NamedTuple):
    """The parameters of one layer: weights (fan_in, fan_out) and biases (fan_out,)."""

    weights: NDArray
    biases: NDArray


Parameters = list[Layer]


@dataclass(frozen=True)
class Network:
    """The architecture of a network, without its parameters.

    Parameters
    ----------
    sizes : tuple of int
        Neurons of each layer, inputs first. The default is the lesson's network of 13,002 parameters.
    activation : {"sigmoid", "tanh", "relu"}
        Of the hidden layers; the output layer belongs to the cost.
    cost : {"quadratic", "cross_entropy"}
    start : {"fan_in", "normal"}
        Random weights with standard deviation 1/sqrt(fan_in) and zero biases, or weights and biases from N(0, 1).

    Raises
    ------
    ValueError
        If a name is unknown, a size is below 1, or there are fewer than two layers.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Network, generator
    >>> network = Network()
    >>> network.parameter_count
    13002
    >>> parameters = network.initialize(generator(0, "start"))
    >>> images = np.zeros((2, 784), np.float32)
    >>> [activations.shape for activations in network.forward(parameters, images)]
    [(2, 784), (2, 16), (2, 16), (2, 10)]
    """

    sizes: tuple[int, ...] = (784, 16, 16, 10)
    activation: str = "sigmoid"
    cost: str = "quadratic"
    start: str = "fan_in"

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes: {self.sizes} given; allowed: two or more layers of one or more neurons")
        for field, allowed in (("activation", ACTIVATIONS), ("cost", COSTS), ("start", STARTS)):
            if (given := getattr(self, field)) not in allowed:
                raise ValueError(f"{field}: {given!r} given; allowed: {', '.join(allowed)}")

    @property
    def parameter_count(self) -> int:
        """Number of weights and biases."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(self.sizes))

    def initialize(self, rng: Generator) -> Parameters:
        """Draw random initial parameters, float32."""
        parameters = []
        for fan_in, fan_out in pairwise(self.sizes):
            weights = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
            if self.start == "fan_in":
                # Weighted sums of inputs with variance 1 then have variance 1 for every fan_in.
                layer = Layer(weights / np.float32(np.sqrt(fan_in)), np.zeros(fan_out, np.float32))
            else:
                layer = Layer(weights, rng.standard_normal(fan_out, dtype=np.float32))
            parameters.append(layer)
        return parameters

    def forward(self, parameters: Parameters, images: NDArray, masks: Sequence[NDArray] = ()) -> list[NDArray]:
        """Activations of every layer, starting with the images.

        Parameters
        ----------
        images : (n, sizes[0]) floats
            Pixels in [0, 1].
        masks : sequence of (n, size), optional
            Of each hidden layer, factors of its activations on their way to the next layer: see `gradient`.

        Returns
        -------
        list of (n, size) arrays
            One for each layer; the last are the output activations.
        """
        activations = [images]
        for depth, (weights, biases) in enumerate(parameters, start=1):
            weighted_sums = passed_on(activations, masks, depth - 1) @ weights + biases
            function = COSTS[self.cost].output if depth == len(parameters) else ACTIVATIONS[self.activation].function
            activations.append(function(weighted_sums))
        return activations

    def answers(self, parameters: Parameters, images: NDArray) -> NDArray:
        """Output activations (n, outputs)."""
        return self.forward(parameters, images)[-1]

    def example_costs(self, parameters: Parameters, images: NDArray, labels: ArrayLike) -> NDArray:
        """Cost of each example (n,)."""
        answers = self.answers(parameters, images)
        return COSTS[self.cost].value(answers, self.targets(labels, answers.dtype))

    def average_cost(self, parameters: Parameters, images: NDArray, labels: ArrayLike) -> float:
        """The cost of the network: the average cost of the examples."""
        return float(self.example_costs(parameters, images, labels).mean())

    def gradient(
        self, parameters: Parameters, images: NDArray, labels: ArrayLike, masks: Sequence[NDArray] = ()
    ) -> Parameters:
        """Gradient of the average cost with respect to all weights and biases, by backpropagation.

        Parameters
        ----------
        images : (n, sizes[0]) floats
        labels : (n,) int, or targets (n, outputs)
        masks : sequence of (n, size), optional
            For dropout, of each hidden layer: see `mlp.nn.descent.dropout_mask`.

        Returns
        -------
        Parameters
            With the shapes of `parameters`; `flatten` turns it into one vector.

        Notes
        -----
        Nielsen, "Neural Networks and Deep Learning", chapter 2, with delta(L) the derivative of the cost with respect
        to the weighted sums of layer L: delta(L) = (delta(L+1) W(L+1)^T) f'(a(L)), dC/dW(L) = a(L-1)^T delta(L),
        dC/db(L) = the sum of delta(L) over the examples.
        """
        activations = self.forward(parameters, images, masks)
        answers = activations[-1]
        delta = COSTS[self.cost].delta(answers, self.targets(labels, answers.dtype)) / len(images)
        gradient: Parameters = []
        for depth in reversed(range(len(parameters))):
            gradient.insert(0, Layer(passed_on(activations, masks, depth).T @ delta, delta.sum(axis=0)))
            if depth > 0:
                derivative = ACTIVATIONS[self.activation].derivative(activations[depth])
                delta = (delta @ parameters[depth].weights.T) * (derivative * masks[depth - 1] if masks else derivative)
        return gradient

    def targets(self, labels: ArrayLike, dtype: np.dtype | type = np.float32) -> NDArray:
        """Target activations (n, outputs): 1 for the labelled digit, 0 for the others; given (n, outputs), these."""
        labels = np.asarray(labels)
        return labels.astype(dtype) if labels.ndim == 2 else np.eye(self.sizes[-1], dtype=dtype)[labels]


def passed_on(activations: list[NDArray], masks: Sequence[NDArray], depth: int) -> NDArray:
    """What a layer gives to the next: its activations, those of a hidden layer times their mask, if there are masks."""
    return activations[depth] * masks[depth - 1] if masks and depth > 0 else activations[depth]


def flatten(parameters: Parameters) -> NDArray:
    """All parameters as one vector: for each layer its weights, row by row, and then its biases.

    Examples
    --------
    >>> from mlp import Network, flatten, generator, unflatten
    >>> parameters = Network((2, 3, 1)).initialize(generator(0, "start"))
    >>> flatten(parameters).shape
    (13,)
    >>> [layer.weights.shape for layer in unflatten(flatten(parameters), (2, 3, 1))]
    [(2, 3), (3, 1)]
    """
    return np.concatenate([array.ravel() for layer in parameters for array in layer])


def unflatten(vector: NDArray, sizes: tuple[int, ...]) -> Parameters:
    """The inverse of `flatten` for a network of these layer sizes."""
    parameters = []
    for fan_in, fan_out in pairwise(sizes):
        weights, biases, vector = np.split(vector, [fan_in * fan_out, (fan_in + 1) * fan_out])
        parameters.append(Layer(weights.reshape(fan_in, fan_out), biases))
    return parameters


def central_differences(function: Callable[[NDArray], float], vector: NDArray, step: float = 1e-5) -> NDArray:
    """Gradient (d,) of a function at a float64 vector (d,) by (f(x + h) - f(x - h)) / 2h, with h = `step`.

    Slow, and independent of backpropagation, which the tests check against it.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import central_differences
    >>> central_differences(lambda point: 1.5 * point[0] ** 2 + 0.5 * point[1] ** 2, np.ones(2)).round(6).tolist()
    [3.0, 1.0]
    """
    gradient = np.empty_like(vector)
    for i in range(vector.size):
        nudge = np.zeros_like(vector)
        nudge[i] = step
        gradient[i] = (function(vector + nudge) - function(vector - nudge)) / (2 * step)
    return gradient
