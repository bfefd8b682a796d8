"""A network that is constructed, not trained: two layers that give any labels to any images (Zhang et al. 2016)."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mlp.data.sets import blocks

BLOCK = 256  # images answered at once: their hidden activations would not fit into memory together


class InterpolatingNetwork(NamedTuple):
    """A network c(x) = sum over j of w(j) max(<a, x> - b(j), 0), with one hidden neuron for each image; float64.

    All hidden neurons share the weights of their inputs, so that it has 2n + d numbers for n images of d pixels.

    Attributes
    ----------
    projection : (d,)
        The weights a from the pixels to every hidden neuron.
    thresholds : (n,)
        The negative biases b, ascending.
    weights : (n,)
        The weights w from the hidden neurons to the output.
    """

    projection: NDArray
    thresholds: NDArray
    weights: NDArray

    @property
    def parameter_count(self) -> int:
        """2n + d."""
        return self.projection.size + self.thresholds.size + self.weights.size

    def answers(self, images: NDArray) -> NDArray:
        """The output (m,) for images (m, d)."""
        return np.concatenate([self.on_line(block @ self.projection) for block in blocks(images, BLOCK)])

    def on_line(self, projected: NDArray) -> NDArray:
        """The output (m,) for the projections (m,) of images."""
        sums = projected[:, np.newaxis] - self.thresholds
        return np.maximum(sums, 0, out=sums) @ self.weights


def interpolate(images: NDArray, labels: ArrayLike, rng: Generator) -> InterpolatingNetwork:
    """Construct a network whose output for each image is its label: no training, any labels.

    Parameters
    ----------
    images : (n, d) floats
    labels : (n,)
        Any numbers.
    rng : Generator
        Draws the projection.

    Raises
    ------
    ValueError
        If two images are equal, or so similar that their projections are.

    Notes
    -----
    Zhang et al., theorem 1. A random projection a puts the images onto a line, in an order z(1) < z(2) < ... With
    thresholds between them, b(1) < z(1) < b(2) < z(2) < ..., only the first i neurons are active for the i-th image.
    The matrix max(z(i) - b(j), 0) is triangular, with a positive diagonal, so that the weights follow one by one:
    neuron i bends the output at b(i), a tenth of the way from z(i-1) to z(i), so that it reaches the next label.
    """
    labels = np.asarray(labels, dtype=np.float64)
    projection = rng.standard_normal((images.shape[1],))
    projected = images @ projection
    order = np.argsort(projected)
    z, y = projected[order], labels[order]
    gaps = np.diff(z)
    if (gaps <= 0).any():
        first, second = sorted(order[np.argmin(gaps) : np.argmin(gaps) + 2])
        raise ValueError(f"images: rows {first} and {second} have the same projection; allowed: different images")
    thresholds = np.concatenate([[z[0] - 1], z[:-1] + 0.1 * gaps])
    weights, slope, output = np.empty(len(z)), 0.0, 0.0  # the slope and the value of c at the last image
    for i, (end, bend) in enumerate(zip(z, thresholds, strict=True)):
        before = z[i - 1] if i else bend
        # Up to the bend the output follows the old slope; from there the new neuron must lift it to the label.
        at_bend = output + slope * (bend - before)
        weights[i] = (y[i] - at_bend) / (end - bend) - slope
        slope, output = slope + weights[i], y[i]
    return InterpolatingNetwork(projection, thresholds, weights)
