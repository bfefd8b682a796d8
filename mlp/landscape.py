"""The surface of the cost: which weights its slope points along, lines and slices through it, minima over seeds, and
how much the weights that belong to one minimum look like pictures.

Goodfellow, Vinyals & Saxe 2015, "Qualitatively characterizing neural network optimization problems" (arXiv 1412.6544):
lines. Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets" (arXiv 1712.09913): slices. Choromanska et al.
2015, "The Loss Surfaces of Multilayer Networks" (arXiv 1412.0233): minima over seeds.
"""

import warnings
from collections.abc import Callable, Sequence
from itertools import product
from math import isqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mlp.network import Layer, Parameters, flatten
from mlp.statistics import BATCH_NUMBERS, RESAMPLES, Estimate, bootstrap_interval

NORMALIZATIONS = ("filter", "plain")


def held_length(vector: NDArray) -> NDArray:
    """Share of a vector's squared length that its 1, 2, ..., d largest components hold, (d,); NaN for a zero vector."""
    squares = np.sort(np.square(vector, dtype=np.float64))[::-1]
    total = squares.sum()
    return np.minimum(np.cumsum(squares) / total, 1) if total else np.full(squares.shape, np.nan)


def components_holding(gradient: Parameters, shares: Sequence[float] = (0.5, 0.9, 0.99)) -> NDArray:
    """How few components of the gradient hold most of it, a layer at a time.

    Parameters
    ----------
    gradient : Parameters
    shares : sequence of float in (0, 1]
        Of the squared length of a layer's part, weights and biases together.

    Returns
    -------
    (layers, shares)
        The smallest share of the layer's components that holds as much; NaN for a layer that has no slope.
    """
    holding = []
    for layer in gradient:
        held = held_length(flatten([layer]))
        # Where the whole is asked for, rounding may leave the last sum a little short of 1.
        needed = np.minimum(np.searchsorted(held, np.asarray(shares) - 1e-12) + 1, held.size)
        holding.append(needed / held.size if np.isfinite(held[0]) else np.full(len(shares), np.nan))
    return np.array(holding)


def random_direction(parameters: Parameters, rng: Generator, normalization: str = "filter") -> NDArray:
    """A random direction to look along from a network's parameters, as long as they are.

    Parameters
    ----------
    parameters : Parameters
        Where the view is taken from, a minimum for instance.
    normalization : {"filter", "plain"}
        ``filter``: the weights into each neuron are changed by as much as they are long, biases not at all (Li et al.,
        section 4, and their code): slices of networks of different scale can be compared. ``plain``: one length for
        the vector as a whole.

    Returns
    -------
    (d,), as `flatten` orders it
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization: {normalization!r} given; allowed: {', '.join(NORMALIZATIONS)}")
    if normalization == "plain":
        center = flatten(parameters)
        random = rng.standard_normal(center.size, dtype=np.float32)
        return random * (np.linalg.norm(center) / np.linalg.norm(random))
    direction = []
    for weights, biases in parameters:
        random = rng.standard_normal(weights.shape, dtype=np.float32)
        lengths = np.linalg.norm(weights, axis=0) / np.linalg.norm(random, axis=0)
        direction.append(Layer(random * lengths, np.zeros_like(biases)))
    return flatten(direction)


def slice_costs(
    cost: Callable[[NDArray], float], center: NDArray, directions: Sequence[NDArray], positions: ArrayLike
) -> NDArray:
    """The cost along a line or over a plane through a point.

    Parameters
    ----------
    cost
        Vector (d,) to the cost there: ``lambda v: network.average_cost(unflatten(v, sizes), images, labels)``.
    center : (d,)
    directions : one or two (d,) arrays
        The straight line between two minima is ``slice_costs(cost, a, [b - a], np.linspace(0, 1, 51))``.
    positions : (k,)
        Multiples of each direction.

    Returns
    -------
    (k,) for one direction; (k, k) for two, the first direction along the rows' axis
    """
    positions = np.asarray(positions, dtype=center.dtype)
    steps = product(positions, repeat=len(directions))
    costs = [cost(center + sum(step * way for step, way in zip(point, directions, strict=True))) for point in steps]
    return np.reshape(costs, (len(positions),) * len(directions))


def barrier(costs: ArrayLike) -> float:
    """Height of the hill between two minima: the highest cost on the line minus the mean of its two ends.

    Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis" (arXiv 1912.05671), section 2. At
    most about 0: one valley.
    """
    costs = np.asarray(costs)
    return float(costs.max() - (costs[0] + costs[-1]) / 2)


def loss_spread(losses: ArrayLike, rng: Generator) -> Estimate:
    """Standard deviation of the final loss over seeds, and its bootstrap interval.

    Parameters
    ----------
    losses : (seeds, widths)
        A column for each width of the network. Choromanska et al. find that the spread shrinks as the width grows.

    Returns
    -------
    Estimate of (widths,) arrays
    """
    return bootstrap_interval(losses, rng, lambda sample, axis: np.std(sample, axis=axis, ddof=1))


def loss_correlation(train: ArrayLike, test: ArrayLike, rng: Generator, confidence: float = 0.95) -> Estimate:
    """Pearson's correlation of training and test loss over seeds, and its bootstrap interval (BCa).

    Parameters
    ----------
    train, test : (seeds, widths)
        Choromanska et al. find that the correlation falls as the width grows.

    Returns
    -------
    Estimate of (widths,) arrays
        Of the seeds that have both losses. NaN for fewer than three or where one loss is the same for all. The interval
        is NaN for fewer than some eight seeds too: there a resample may be one seed repeated, which has no correlation.
    """
    train, test = np.asarray(train, dtype=np.float64), np.asarray(test, dtype=np.float64)
    estimates = np.full((3, train.shape[1]), np.nan)
    for width, (x, y) in enumerate(zip(train.T, test.T, strict=True)):
        both = np.isfinite(x) & np.isfinite(y)
        x, y = x[both], y[both]
        if len(x) >= 3 and np.ptp(x) > 0 and np.ptp(y) > 0:
            result = stats.pearsonr(x, y)
            batch = max(1, BATCH_NUMBERS // len(x))
            method = stats.BootstrapMethod(n_resamples=RESAMPLES, batch=batch, method="BCa", rng=rng)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                # All that can go wrong is an undefined interval, and that is NaN.
                warnings.simplefilter("ignore", RuntimeWarning)
                estimates[:, width] = result.statistic, *result.confidence_interval(confidence, method)
    return Estimate(*estimates)


def weight_images(weights: NDArray) -> NDArray:
    """The weights into each neuron of the first layer as a picture.

    Parameters
    ----------
    weights : (side * side, neurons)
        ``parameters[0].weights``, or what the training changed of them: ``trained[0].weights - start[0].weights``. The
        weights from pixels that are always dark never change, so the changes show more.

    Returns
    -------
    (neurons, side, side)
    """
    pixels, neurons = weights.shape
    side = isqrt(pixels)
    if side * side != pixels:
        raise ValueError(f"weights: {pixels} inputs given; allowed: those of a square image, such as 784 = 28 x 28")
    return weights.T.reshape(neurons, side, side)


def spatial_autocorrelation(images: NDArray) -> NDArray:
    """How much neighbouring pixels resemble each other: Moran's I, about 0 for noise, towards 1 for strokes.

    Parameters
    ----------
    images : (..., rows, columns)

    Returns
    -------
    (...); NaN for an image of one colour

    Notes
    -----
    Moran 1950, "Notes on Continuous Stochastic Phenomena": N / W times the sum of z(i) z(j) over the W neighbouring
    pairs (above, below, left, right; each pair twice) over the sum of z(i)^2, with z the N pixels minus their mean.
    """
    z = images - images.mean(axis=(-2, -1), keepdims=True, dtype=np.float64)
    products = (z[..., 1:, :] * z[..., :-1, :]).sum(axis=(-2, -1)) + (z[..., 1:] * z[..., :-1]).sum(axis=(-2, -1))
    rows, columns = images.shape[-2:]
    pairs = (rows - 1) * columns + rows * (columns - 1)
    squares = np.square(z).sum(axis=(-2, -1))
    varies = np.ptp(images, axis=(-2, -1)) > 0
    return np.where(varies, rows * columns / pairs * products / np.where(varies, squares, 1), np.nan)[()]


def noise_autocorrelation(rows: int, columns: int) -> tuple[float, float]:
    """Mean and standard deviation of `spatial_autocorrelation` for images of independent normal pixels.

    What untrained weights have: the yardstick for trained ones.

    Notes
    -----
    Cliff & Ord 1981, "Spatial Processes", under normality: mean -1 / (N - 1); mean square
    (N^2 S1 - N S2 + 3 W^2) / ((N^2 - 1) W^2), here with S1 = 2 W and S2 = 4 times the sum of squared numbers of
    neighbours.
    """
    n = rows * columns
    neighbours = np.full((rows, columns), 4)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        neighbours[edge] -= 1
    w = neighbours.sum()
    mean = -1 / (n - 1)
    mean_square = (n**2 * 2 * w - n * 4 * (neighbours**2).sum() + 3 * w**2) / ((n**2 - 1) * w**2)
    return mean, float(np.sqrt(mean_square - mean**2))
