"""Measures of whether a network learns patterns or memorizes examples, and of which images it forgets.

Arpit et al. 2017, "A Closer Look at Memorization in Deep Networks" (arXiv 1706.05394); Zhang et al. 2016,
"Understanding deep learning requires rethinking generalization" (arXiv 1611.03530); Toneva et al. 2019, "An Empirical
Study of Example Forgetting during Deep Neural Network Learning" (arXiv 1812.05159). All pixels lie in [0, 1].
"""

from typing import NamedTuple

import numpy as np
import scipy  # loads scipy.stats, which takes most of a second, on first use
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mlp.data.randomness import generator
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.descent import CellJob, Descent, scaled, train
from mlp.nn.network import Network, Parameters

GREY_LEVEL = 1 / 255
# Steps of the search for critical samples: along the sign of the gradient, and at random (Arpit et al., footnote 4).
GRADIENT_STEP = 0.25 * GREY_LEVEL
NOISE_STEP = 0.2 * GREY_LEVEL


def input_gradient(network: Network, parameters: Parameters, images: NDArray, labels: ArrayLike) -> NDArray:
    """Derivative of each example's own cost with respect to each of its pixels, (n, inputs), by backpropagation.

    Parameters
    ----------
    images : (n, inputs) floats
    labels : (n,) int
    """
    activations = network.forward(parameters, images)
    answers = activations[-1]
    delta = COSTS[network.cost].delta(answers, network.targets(labels, answers.dtype))
    for depth in reversed(range(1, len(parameters))):
        below = activations[depth]
        delta = (delta @ parameters[depth].weights.T) * ACTIVATIONS[network.activation].derivative(below)
    return delta @ parameters[0].weights.T


def loss_sensitivity(network: Network, parameters: Parameters, images: NDArray, labels: ArrayLike) -> NDArray:
    """Sensitivity of each example's cost to its pixels: the sum of the absolute derivatives, (n,).

    Notes
    -----
    Arpit et al., section 3.2: g = ||dL/dx||_1, averaged over the training steps. They also differentiate the average
    loss through all earlier updates that the example took part in (`mlp.measures.unrolled`); this is only the direct
    part, for the example's own cost.
    """
    return np.abs(input_gradient(network, parameters, images, labels)).sum(axis=1)


def gini(values: ArrayLike) -> NDArray:
    """Gini coefficient along the first axis: 0 if all values are equal, (n - 1) / n if all but one are zero.

    Parameters
    ----------
    values : (n, ...)
        None of them negative.

    Raises
    ------
    ValueError
        If a value is negative.

    Notes
    -----
    Half the mean absolute difference of all pairs over the mean. With the values in ascending order this is
    sum of (2i - n - 1) x(i) / (n sum of x), i from 1.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    if (ordered < 0).any():
        raise ValueError(f"values: {ordered.min():g} given; allowed: 0 or more")
    n, total = len(ordered), ordered.sum(axis=0)
    weighted = np.tensordot(2 * np.arange(1, n + 1) - n - 1, ordered, axes=1)
    return np.where(total > 0, weighted / np.where(total > 0, n * total, 1), 0.0)[()]


def example_difficulty(predicted: NDArray, labels: ArrayLike) -> NDArray:
    """Share of networks that misclassify each example, (n,) (Arpit et al., figure 1).

    Parameters
    ----------
    predicted : (networks, n) int
        Classes predicted by networks with different starts, each after one epoch.
    labels : (n,) int
        Labels that the networks were trained on.
    """
    return (predicted != np.asarray(labels)).mean(axis=0)


def equal_difficulty(difficulty: NDArray, networks: int) -> NDArray:
    """Difficulties (n,), ascending, that would be expected if all examples were equally difficult.

    Each network then misclassifies each example with the same probability, and the difficulties are binomial shares.
    Arpit et al. sample such shares; these are the quantiles (i - 1/2) / n of the distribution, which give the same
    curve.

    Parameters
    ----------
    difficulty : (n,)
        Of `example_difficulty`.
    networks : int
        Number of networks behind each share.
    """
    n = len(difficulty)
    return scipy.stats.binom.ppf((np.arange(n) + 0.5) / n, networks, np.mean(difficulty)) / networks


def difficulty_dispersion(difficulty: NDArray, networks: int) -> float:
    """Variance of the difficulties divided by the binomial variance p (1 - p) / networks.

    About 1 if all examples are equally difficult; `networks` if all networks agree on every example. NaN if all answers
    are right or all are wrong. See `equal_difficulty` for the parameters.
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
    """Images that have a differently classified image nearby, (n,) bool; the mean is the critical sample ratio.

    Parameters
    ----------
    images : (n, inputs) floats
    rng : Generator
        Draws the random part of the steps.
    radius : float
        Largest change of any pixel.
    iterations : int
        Number of search steps for each image.

    Notes
    -----
    Langevin adversarial sample search, Arpit et al., algorithm 1: x~ <- x~ + 0.25 sign(gradient) + 0.2 N(0, 1), clipped
    to the box around x, until the answer changes. Steps and the default radius are in grey levels 0..255. As in the
    authors' code, the gradient is that of the cost with the network's own answer as the label; the true label is not
    used. Every image found is critical; the search may miss others.
    """
    own = network.answers(parameters, images).argmax(axis=1)
    critical = np.zeros(len(images), dtype=bool)
    searched = images.copy()
    for _ in range(iterations):
        rows = np.flatnonzero(~critical)
        if rows.size == 0:
            break
        gradient = input_gradient(network, parameters, searched[rows], own[rows])
        noise = rng.standard_normal(gradient.shape, dtype=np.float32)
        step = np.float32(GRADIENT_STEP) * np.sign(gradient) + np.float32(NOISE_STEP) * noise
        searched[rows] = np.clip(searched[rows] + step, images[rows] - radius, images[rows] + radius)
        critical[rows] = network.answers(parameters, searched[rows]).argmax(axis=1) != own[rows]
    return critical


def epochs_to(curves: ArrayLike, threshold: float) -> NDArray:
    """The first epoch at which each curve is at least `threshold`; NaN if it never is.

    Parameters
    ----------
    curves : (epochs + 1, ...)
        Row 0 is the untrained network; NaN after the end of a training that stopped early.
    threshold : float
    """
    reached = np.asarray(curves) >= threshold
    return np.where(reached.any(axis=0), reached.argmax(axis=0), np.nan)[()]


def redraw_plateau(fraction: float, classes: int = 10) -> float:
    """Accuracy on partly redrawn labels of a network that learned only the pattern: 1 - 0.9 `fraction` for ten digits.

    A label that is redrawn uniformly over all classes is right with probability 1 / classes. The same holds for
    shuffled labels if the classes are equally frequent.

    Parameters
    ----------
    fraction : float in [0, 1]
        Share of the labels that is redrawn.
    classes : int

    Raises
    ------
    ValueError
        If the fraction is out of range.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction: {fraction} given; allowed: 0 to 1")
    return 1 - fraction * (1 - 1 / classes)


def break_point(fractions: ArrayLike, accuracy: ArrayLike, chance: float) -> float:
    """The fraction of corrupted labels at which half of what was learned is lost.

    Parameters
    ----------
    fractions : (k,)
        Ascending.
    accuracy : (k,)
        On test images, of networks that were trained with these fractions. Linear between them.
    chance : float
        The accuracy of a guess.

    Returns
    -------
    float
        The first fraction at which the accuracy falls to the middle between the first one and chance; NaN if it
        never does, or the first is no better than chance.
    """
    fractions, accuracy = np.asarray(fractions, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    half = (accuracy[0] + chance) / 2
    below = np.flatnonzero(accuracy <= half)
    if not below.size or accuracy[0] <= chance:
        return np.nan
    after = below[0]
    return float(np.interp(half, accuracy[[after, after - 1]], fractions[[after, after - 1]]))


class CurveShape(NamedTuple):
    """How a curve gets from its first to its last value.

    Attributes
    ----------
    early_share
        Share of the total change that happens in the first tenth of the epochs: 0.1 for a straight line.
    r_squared
        Share of the curve's variance that a straight line explains.
    """

    early_share: float
    r_squared: float


def curve_shape(curve: ArrayLike) -> CurveShape:
    """Measure whether a curve changes early or along a straight line.

    Parameters
    ----------
    curve : (epochs + 1,)
        Value 0 is the untrained network; NaN after the end of a training that stopped early. Interpolated linearly
        between epochs.

    Returns
    -------
    CurveShape
        NaN for a constant curve or a single value; `early_share` is also NaN if the curve ends where it began.
    """
    curve = np.asarray(curve, dtype=np.float64)
    epochs = np.flatnonzero(np.isfinite(curve))
    values = curve[epochs]
    if values.size < 2 or np.ptp(values) == 0:
        return CurveShape(np.nan, np.nan)
    change = values[-1] - values[0]
    early = np.interp(0.1 * epochs[-1], epochs, values) - values[0]
    return CurveShape(float(early / change) if change else np.nan, float(np.corrcoef(epochs, values)[0, 1] ** 2))


def correct_by_epoch(
    network: Network, start: Parameters, images: NDArray, labels: NDArray, descent: Descent
) -> tuple[NDArray, Parameters]:
    """Train a network, in the order of seed 0, and note which training images it answers with their label.

    Parameters
    ----------
    images : (n, inputs) uint8
    labels : (n,) int

    Returns
    -------
    (epochs, n) bool
        After each epoch.
    Parameters
        The trained network.
    """
    inputs, correct = scaled(images), []

    def on_epoch(epoch: int, parameters: Parameters) -> None:
        if epoch > 0:
            correct.append(network.answers(parameters, inputs).argmax(axis=1) == labels)

    trained = train(network, CellJob(start, labels, descent, generator(0, "order")), images, on_epoch)
    return np.array(correct), trained


def forgetting_events(correct: NDArray) -> NDArray:
    """How often each image was forgotten: right after one epoch and wrong after the next, (n,).

    Parameters
    ----------
    correct : (epochs, n) bool

    Notes
    -----
    Toneva et al., section 3, look at an image whenever it is in a mini-batch, which is once an epoch too, but at
    another moment for each.
    """
    return (correct[:-1] & ~correct[1:]).sum(axis=0)


def never_forgotten(correct: NDArray) -> NDArray:
    """Images (n,) bool that were learned at some time and not forgotten since: *unforgettable* ones."""
    return correct.any(axis=0) & (forgetting_events(correct) == 0)


def most_forgotten(correct: NDArray, count: int, rng: np.random.Generator) -> NDArray:
    """The rows of the `count` images that are forgotten most often, (count,) ascending; ties are drawn.

    Images that were never learned count as forgotten more often than all others, as in the paper.
    """
    often = np.where(correct.any(axis=0), forgetting_events(correct), len(correct))
    order = np.lexsort((rng.random(often.size), -often))
    return np.sort(order[:count])
