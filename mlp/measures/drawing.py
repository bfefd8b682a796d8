"""Drawing with a network that was made for reading: descent on the pixels of an image, with the weights held fixed."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlp.measures.memorization import input_gradient
from mlp.nn.network import Network, Parameters


class Drawings(NamedTuple):
    """Images on their way to a digit.

    Attributes
    ----------
    images : (n, pixels)
        After the last step.
    activations : (steps + 1, n)
        Of the wanted digit's output, before the first step and after each.
    distances : (steps + 1, n)
        Euclidean distance from where the image began; a dark pixel that becomes bright is at a distance of 1.
    """

    images: NDArray
    activations: NDArray
    distances: NDArray

    def needed(self, activation: float) -> NDArray:
        """How far each image had moved when it first reached an activation, (n,); NaN for one that never did."""
        reached = self.activations >= activation
        first = self.distances[reached.argmax(axis=0), np.arange(reached.shape[1])]
        return np.where(reached.any(axis=0), first, np.nan)


def draw(
    network: Network, parameters: Parameters, images: NDArray, digits: ArrayLike, step: float = 0.1, steps: int = 100
) -> Drawings:
    """Change images so that a network takes them for digits.

    Every step goes the steepest way to the wanted digit, as in training, but with pixels in place of weights: against
    the gradient of the cross-entropy, whatever the network's own cost, because the quadratic cost is flat where an
    output is almost 0. Pixels stay between dark and bright. Szegedy et al. 2013, "Intriguing properties of neural
    networks" (arXiv 1312.6199), found how little it takes.

    Parameters
    ----------
    images : (n, pixels) floats in [0, 1]
        Where to begin; not changed.
    digits : (n,) int
        What each image is to become.
    step : float
        Length of a step, before pixels are kept in their range: the gradient only gives the direction, because it all
        but vanishes where the network is sure.
    steps : int
    """
    begin = np.asarray(images, dtype=np.float64)
    digits, now, ascent = np.asarray(digits), begin.copy(), replace(network, cost="cross_entropy")
    activations, distances = [], []
    for number in range(steps + 1):
        if number:
            gradient = input_gradient(ascent, parameters, now, digits)
            # A pixel at the end of its range can't follow; without it the others get the whole step.
            gradient[((now <= 0) & (gradient > 0)) | ((now >= 1) & (gradient < 0))] = 0
            length = np.linalg.norm(gradient, axis=1, keepdims=True)
            now = np.clip(now - step * gradient / np.maximum(length, np.finfo(np.float64).tiny), 0, 1)
        activations.append(network.answers(parameters, now)[np.arange(len(now)), digits])
        distances.append(np.linalg.norm(now - begin, axis=1))
    return Drawings(now, np.array(activations), np.array(distances))
