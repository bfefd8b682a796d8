"""Does a network learn patterns or remember examples? The measures of Arpit et al. 2017 and of Zhang et al. 2016.

Arpit et al., "A Closer Look at Memorization in Deep Networks" (arXiv 1706.05394); Zhang et al., "Understanding deep
learning requires rethinking generalization" (arXiv 1611.03530). Pixels lie in [0, 1] everywhere.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mlp.activations import ACTIVATIONS
from mlp.costs import COSTS
from mlp.network import Network, Parameters

GREY_LEVEL = 1 / 255
# The search for critical samples: a step along the sign of the slope and a random one (Arpit et al., footnote 4).
SLOPE_STEP = 0.25 * GREY_LEVEL
NOISE_STEP = 0.2 * GREY_LEVEL


def input_gradient(network: Network, parameters: Parameters, images: NDArray, labels: ArrayLike) -> NDArray:
    """Derivative of each example's own cost by each of its pixels.

    Parameters
    ----------
    images : (n, inputs) floats
    labels : (n,) int

    Returns
    -------
    (n, inputs): backpropagation, one layer further down than `Network.gradient` goes.
    """
    activations = network.forward(parameters, images)
    answers = activations[-1]
    delta = COSTS[network.cost].delta(answers, network.targets(labels, answers.dtype))
    for depth in reversed(range(1, len(parameters))):
        below = activations[depth]
        delta = (delta @ parameters[depth].weights.T) * ACTIVATIONS[network.activation].derivative(below)
    return delta @ parameters[0].weights.T


def loss_sensitivity(network: Network, parameters: Parameters, images: NDArray, labels: ArrayLike) -> NDArray:
    """How strongly each example's cost hangs on its pixels: the sum of the absolute slopes, (n,).

    Notes
    -----
    Arpit et al., section 3.2: g = ||dL/dx||_1, averaged over the steps of the training. They differentiate the average
    loss through all earlier updates too, in which the example took part; this is the direct part alone, of the
    example's own cost.
    """
    return np.abs(input_gradient(network, parameters, images, labels)).sum(axis=1)


def gini(values: ArrayLike) -> NDArray:
    """Inequality of values along the first axis: 0 if all are the same, (n - 1) / n if all but one are zero.

    Parameters
    ----------
    values : (n, ...), none negative

    Notes
    -----
    Half the mean absolute difference of all pairs over the mean; with the values in ascending order that is
    sum of (2i - n - 1) x(i) / (n sum of x), i from 1.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    if (ordered < 0).any():
        raise ValueError(f"values: {ordered.min():g} given; allowed: 0 or more")
    n, total = len(ordered), ordered.sum(axis=0)
    weighted = np.tensordot(2 * np.arange(1, n + 1) - n - 1, ordered, axes=1)
    return np.where(total > 0, weighted / np.where(total > 0, n * total, 1), 0.0)[()]


def example_difficulty(predicted: NDArray, labels: ArrayLike) -> NDArray:
    """Share of networks that get each example wrong (Arpit et al., figure 1).

    Parameters
    ----------
    predicted : (networks, n) int
        Answers of networks with different starts, each after one epoch.
    labels : (n,) int
        What they were trained to answer.

    Returns
    -------
    (n,)
    """
    return (predicted != np.asarray(labels)).mean(axis=0)


def equal_difficulty(difficulty: NDArray, networks: int) -> NDArray:
    """What the difficulties, sorted, would be if every example were as difficult as the average.

    Each network then gets each example wrong with the same probability, and the difficulties are binomial shares. Arpit
    et al. draw such shares at random; these are the distribution's quantiles (i - 1/2) / n, which draw the same curve.

    Parameters
    ----------
    difficulty : (n,)
    networks : int
        How many networks the shares are of.

    Returns
    -------
    (n,), ascending
    """
    n = len(difficulty)
    return stats.binom.ppf((np.arange(n) + 0.5) / n, networks, np.mean(difficulty)) / networks


def difficulty_dispersion(difficulty: NDArray, networks: int) -> float:
    """Variance of the difficulties over the binomial one, p (1 - p) / networks.

    About 1 if all examples are equally difficult; `networks` if each is right for all of them or wrong for all. NaN
    where no network or every network is wrong everywhere.
    """
    p = np.mean(difficulty)
    return float(np.var(difficulty) * networks / (p * (1 - p))) if 0 < p < 1 else np.nan


def critical_samples(
    network: Network,
    parameters: Parameters,
    images: NDArray,
    rng: Generator,
    radius: float = 0.3 * GREY_LEVEL,
    iterations: int = 100,
) -> NDArray:
    """Which images have another answer close by; the mean is the critical sample ratio.

    Parameters
    ----------
    images : (n, inputs) floats
    radius : float
        No pixel is changed by more than this.
    iterations : int
        Steps after which the search for an image is given up.

    Returns
    -------
    (n,) bool

    Notes
    -----
    Langevin adversarial sample search, Arpit et al., algorithm 1: x~ <- x~ + 0.25 sign(slope) + 0.2 N(0, 1), cut back
    into the box around x, until the answer changes. The steps are in grey levels 0..255, as their radius of 0.3 is. The
    slope is that of the cost against the network's own answer (as in the authors' code): the right label plays no part.
    What is found is certain; an image for which nothing was found may still be critical.
    """
    own = network.answers(parameters, images).argmax(axis=1)
    critical = np.zeros(len(images), dtype=bool)
    searched = images.copy()
    for _ in range(iterations):
        rows = np.flatnonzero(~critical)
        if rows.size == 0:
            break
        slope = input_gradient(network, parameters, searched[rows], own[rows])
        noise = rng.standard_normal(slope.shape, dtype=np.float32)
        step = np.float32(SLOPE_STEP) * np.sign(slope) + np.float32(NOISE_STEP) * noise
        searched[rows] = np.clip(searched[rows] + step, images[rows] - radius, images[rows] + radius)
        critical[rows] = network.answers(parameters, searched[rows]).argmax(axis=1) != own[rows]
    return critical


def epochs_to(curves: ArrayLike, threshold: float) -> NDArray:
    """The first epoch at which each curve is at least `threshold`; NaN if it never is.

    Parameters
    ----------
    curves : (epochs + 1, ...)
        Row 0 is the untrained network; NaN after the end of a shorter training.
    """
    reached = np.asarray(curves) >= threshold
    return np.where(reached.any(axis=0), reached.argmax(axis=0), np.nan)[()]


def redraw_plateau(fraction: float, classes: int = 10) -> float:
    """Accuracy on the given labels of a network that learned only the pattern: 1 - 0.9 `fraction` for ten digits.

    Of the fraction of labels that is redrawn uniformly over all classes, one in `classes` is right by chance. Shuffling
    them among themselves instead leaves as many right if the classes are equally frequent.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction: {fraction} given; allowed: 0 to 1")
    return 1 - fraction * (1 - 1 / classes)


class CurveShape(NamedTuple):
    """How a curve gets from its first to its last value.

    Attributes
    ----------
    early_share
        Share of that way covered in the first tenth of the epochs: 0.1 for a straight line.
    r_squared
        Share of the curve's variance that the best straight line explains.
    """

    early_share: float
    r_squared: float


def curve_shape(curve: ArrayLike) -> CurveShape:
    """Tell a curve that drops at once from one that creeps along a line.

    Parameters
    ----------
    curve : (epochs + 1,)
        Row 0 is the untrained network; NaN after the end of a shorter training. Between epochs it is taken as straight.

    Returns
    -------
    CurveShape
        NaN for a curve that has fewer than two values or only one, and for the share where it ends as it began.
    """
    curve = np.asarray(curve, dtype=np.float64)
    epochs = np.flatnonzero(np.isfinite(curve))
    values = curve[epochs]
    if values.size < 2 or np.ptp(values) == 0:
        return CurveShape(np.nan, np.nan)
    way = values[-1] - values[0]
    early = np.interp(0.1 * epochs[-1], epochs, values) - values[0]
    return CurveShape(float(early / way) if way else np.nan, float(np.corrcoef(epochs, values)[0, 1] ** 2))
