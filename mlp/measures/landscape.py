"""The cost as a landscape over the parameters: large gradient components, slices, minima over seeds, weight images.

Lines between minima: Goodfellow, Vinyals & Saxe 2015, "Qualitatively characterizing neural network optimization
problems" (arXiv 1412.6544). Slices: Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets" (arXiv 1712.09913).
Minima over seeds: Choromanska et al. 2015, "The Loss Surfaces of Multilayer Networks" (arXiv 1412.0233).
"""

import warnings
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import scipy  # loads scipy.stats, which takes most of a second, on first use
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mlp.data.image_shape import image_shape
from mlp.nn.network import Layer, Parameters, flatten
from mlp.statistics.intervals import BATCH_NUMBERS, RESAMPLES, Estimate, bootstrap_interval


def cumulative_share(vector: NDArray) -> NDArray:
    """Share of a vector's squared norm in its 1, 2, ..., d largest components, (d,); NaN for a zero vector."""
    squares = np.sort(np.square(vector, dtype=np.float64))[::-1]
    total = squares.sum()
    return np.minimum(np.cumsum(squares) / total, 1) if total else np.full(squares.shape, np.nan)


def components_needed(gradient: Parameters, shares: Sequence[float]) -> NDArray:
    """How few components make up most of the gradient, for each layer.

    Parameters
    ----------
    gradient : Parameters
    shares : sequence of float in (0, 1]
        Of the squared norm of the gradient by a layer's weights and biases.

    Returns
    -------
    (layers, shares)
        The smallest share of the layer's components that makes up each share; NaN for a layer with zero gradient.
    """
    needed = []
    for layer in gradient:
        cumulative = cumulative_share(flatten([layer]))
        # Rounding may leave the last sum a little below 1.
        count = np.minimum(np.searchsorted(cumulative, np.asarray(shares) - 1e-12) + 1, cumulative.size)
        needed.append(count / cumulative.size if np.isfinite(cumulative[0]) else np.full(len(shares), np.nan))
    return np.array(needed)


def random_direction(parameters: Parameters, rng: Generator) -> NDArray:
    """A random filter-normalized direction for `slice_costs`, (d,) in the order of `flatten`.

    The part for each neuron has the norm of the weights into it, and biases do not change (Li et al., section 4, and
    their code). Slices of networks of different scale can then be compared.

    Parameters
    ----------
    parameters : Parameters
        The centre of the slice, for instance a minimum.
    rng : Generator
    """
    direction = []
    for weights, biases in parameters:
        random = rng.standard_normal(weights.shape, dtype=np.float32)
        scale = np.linalg.norm(weights, axis=0) / np.linalg.norm(random, axis=0)
        direction.append(Layer(random * scale, np.zeros_like(biases)))
    return flatten(direction)


def slice_costs(
    cost: Callable[[NDArray], float], center: NDArray, directions: Sequence[NDArray], positions: ArrayLike
) -> NDArray:
    """The cost along a line or over a plane through a point.

    Parameters
    ----------
    cost : callable
        Maps a vector (d,) to its cost: ``lambda v: network.average_cost(unflatten(v, sizes), images, labels)``.
    center : (d,)
    directions : one or two (d,) arrays
        For the straight line between two minima: ``slice_costs(cost, a, [b - a], np.linspace(0, 1, 51))``.
    positions : (k,)
        Multiples of each direction.

    Returns
    -------
    (k,) for one direction; (k, k) for two, with the first direction along axis 0
    """
    positions = np.asarray(positions, dtype=center.dtype)
    points = product(positions, repeat=len(directions))
    costs = [cost(center + sum(x * along for x, along in zip(point, directions, strict=True))) for point in points]
    return np.reshape(costs, (len(positions),) * len(directions))


def barrier(costs: ArrayLike) -> float:
    """Height of the barrier between two minima: the highest cost on the line between them minus the mean of its ends.

    Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis" (arXiv 1912.05671), section 2.
    About 0 if both lie in one valley.

    Parameters
    ----------
    costs : (k,)
        Of `slice_costs`, from one minimum to the other.
    """
    costs = np.asarray(costs)
    return float(costs.max() - (costs[0] + costs[-1]) / 2)


def loss_spread(losses: ArrayLike, rng: Generator) -> Estimate:
    """Standard deviation of the final loss over seeds, with its bootstrap interval.

    Parameters
    ----------
    losses : (seeds, ...)
        For instance (seeds, widths): Choromanska et al. find that the spread shrinks as the width grows.
    rng : Generator

    Returns
    -------
    Estimate of (...) arrays

    Raises
    ------
    ValueError
        If the losses are a single number.
    """
    return bootstrap_interval(losses, rng, lambda sample, axis: np.std(sample, axis=axis, ddof=1))


def correlation_difference(train: NDArray, test: NDArray, rng: Generator) -> Estimate:
    """Correlation of training and test loss in one group minus that in another, with its bootstrap interval (BCa).

    Parameters
    ----------
    train, test : (seeds, 2)
        Resampled by seed, because both groups ran with the same seeds.
    rng : Generator

    Returns
    -------
    Estimate
        Over the seeds that have all four losses.
    """

    def difference(a: NDArray, b: NDArray, c: NDArray, d: NDArray, axis: int = -1) -> NDArray:
        return correlation_along(a, b, axis) - correlation_along(c, d, axis)

    complete = np.isfinite(train).all(axis=1) & np.isfinite(test).all(axis=1)
    samples = tuple(np.column_stack([train[complete], test[complete]])[:, [0, 2, 1, 3]].T)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a resample of a single seed has no correlation
        ends = scipy.stats.bootstrap(
            samples, difference, paired=True, vectorized=True, n_resamples=RESAMPLES, method="BCa",
            batch=max(1, BATCH_NUMBERS // complete.sum()), rng=rng,
        ).confidence_interval  # fmt: skip
    return Estimate(np.asarray(difference(*samples)), np.asarray(ends.low), np.asarray(ends.high))


def correlation_along(x: NDArray, y: NDArray, axis: int) -> NDArray:
    """Pearson's correlation of two arrays along an axis."""
    x, y = x - x.mean(axis=axis, keepdims=True), y - y.mean(axis=axis, keepdims=True)
    return (x * y).sum(axis=axis) / np.sqrt((x**2).sum(axis=axis) * (y**2).sum(axis=axis))


def loss_correlation(train: ArrayLike, test: ArrayLike, rng: Generator) -> Estimate:
    """Pearson's correlation of training and test loss over seeds, with its bootstrap interval (BCa).

    Parameters
    ----------
    train, test : (seeds, widths)
        Choromanska et al. find that the correlation falls as the width grows.
    rng : Generator

    Returns
    -------
    Estimate of (widths,) arrays
        Over the seeds that have both losses. NaN for fewer than three seeds or a constant loss. The interval is also
        NaN below about eight seeds: a resample may then repeat a single seed, which has no correlation.
    """
    train, test = np.asarray(train, dtype=np.float64), np.asarray(test, dtype=np.float64)
    estimates = np.full((3, train.shape[1]), np.nan)
    for width, (x, y) in enumerate(zip(train.T, test.T, strict=True)):
        both = np.isfinite(x) & np.isfinite(y)
        x, y = x[both], y[both]
        if len(x) >= 3 and np.ptp(x) > 0 and np.ptp(y) > 0:
            result = scipy.stats.pearsonr(x, y)
            batch = max(1, BATCH_NUMBERS // len(x))
            method = scipy.stats.BootstrapMethod(n_resamples=RESAMPLES, batch=batch, method="BCa", rng=rng)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                # The only failure is an undefined interval, which is NaN.
                warnings.simplefilter("ignore", RuntimeWarning)
                estimates[:, width] = result.statistic, *result.confidence_interval(method=method)
    return Estimate(*estimates)


def weight_images(weights: NDArray) -> NDArray:
    """The weights into each neuron of the first layer as an image, (neurons, side, channels * side).

    Those from red, green and blue pixels lie side by side.

    Parameters
    ----------
    weights : (channels * side * side, neurons)
        ``parameters[0].weights``, or their change ``trained[0].weights - start[0].weights``. Weights from pixels that
        are always dark keep their random start; the change is 0 there.

    Raises
    ------
    ValueError
        If the inputs do not form a square image of one or three channels.
    """
    channels, side, _ = image_shape(len(weights))
    images = weights.T.reshape(-1, channels, side, side)
    return images.swapaxes(1, 2).reshape(-1, side, channels * side)


def spatial_autocorrelation(images: NDArray) -> NDArray:
    """Similarity of neighbouring pixels, Moran's I: about 0 for noise, close to 1 for strokes.

    Parameters
    ----------
    images : (..., rows, columns)
        The result has the shape (...); it is NaN for a constant image.

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

    Untrained weights are such images: the reference for trained ones.

    Notes
    -----
    Cliff & Ord 1981, "Spatial Processes", under normality: mean -1 / (N - 1); mean square
    (N^2 S1 - N S2 + 3 W^2) / ((N^2 - 1) W^2), here with S1 = 2 W and S2 = 4 times the sum of the squared numbers of
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
