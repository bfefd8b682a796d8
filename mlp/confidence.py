"""How sure a network is of its answers to noise, compared with its answers to test images."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.corruption import gaussian_pixels
from mlp.data import Dataset

THRESHOLDS = (0.5, 0.9, 0.99)


def shuffled(count: int, images: NDArray, rng: Generator) -> NDArray:
    """Images drawn with replacement, the pixels of each in an order of its own."""
    return rng.permuted(images[rng.integers(len(images), size=count)], axis=1)


# Each takes a number of images, the test images (n, pixels) and a generator.
NOISES: dict[str, Callable[[int, NDArray, Generator], NDArray]] = {
    "uniform": lambda count, images, rng: rng.integers(256, size=(count, images.shape[1]), dtype=np.uint8),
    "gaussian": lambda count, images, rng: gaussian_pixels(images, count, rng),
    "shuffled": shuffled,
    "constant": lambda count, images, rng: rng.integers(256, size=(count, 1), dtype=np.uint8).repeat(
        images.shape[1], 1
    ),
}


def noise_images(kind: str, count: int, data: Dataset, rng: Generator) -> NDArray:
    """Images of nothing.

    Parameters
    ----------
    kind : {"uniform", "gaussian", "shuffled", "constant"}
        Every pixel uniform over 0..255; every pixel Gaussian, with the mean and variance of all the test images'
        pixels together, clipped; test images whose pixels are shuffled, each in its own way; one grey level an image,
        uniform over 0..255.
    count : int
    data : Dataset

    Returns
    -------
    (count, pixels) uint8
    """
    if kind not in NOISES:
        raise ValueError(f"kind: {kind!r} given; allowed: {', '.join(NOISES)}")
    return NOISES[kind](count, data.test_images, rng)


def confidence(answers: NDArray, test_answers: NDArray) -> dict[str, float]:
    """Measures of a network's confidence in its answers to noise.

    Parameters
    ----------
    answers : (n, outputs)
        Output activations, in [0, 1], for noise images.
    test_answers : (m, outputs)
        The same for test images.

    Returns
    -------
    dict
        ``confidence``, ``confidence_std``
            Mean and standard deviation of the largest activation.
        ``normalized``
            Mean of the largest activation when an image's activations are scaled to sum 1 (sigmoid outputs don't).
        ``margin``
            Mean difference of the two largest activations.
        ``above_0.5``, ``above_0.9``, ``above_0.99``, ``none_above_0.5``
            Share of images with, or with no, activation above that.
        ``entropy``
            Mean, in nats, of the scaled activations; log(outputs) says "no idea".
        ``favourite``, ``favourite_share``
            The digit that is answered most often, and the share of images for which it is.
        ``auroc``, ``aupr``, ``fpr95``
            How well the largest activation tells test images (the positive class) from noise: area under the ROC
            curve, average precision, and the share of noise that passes a threshold that 95 % of the test images
            pass. 0.5, the share m / (m + n) and 0.95 if it can't tell them apart (Hendrycks & Gimpel 2016).
    """
    answers = answers.astype(np.float64)
    second, largest = np.partition(answers, -2, axis=1)[:, -2:].T
    # With tiny, an image whose activations all underflowed to 0 counts as "no idea".
    scaled = answers + np.finfo(np.float64).tiny
    scaled /= scaled.sum(axis=1, keepdims=True)
    counts = np.bincount(answers.argmax(axis=1))
    test_largest = test_answers.max(axis=1).astype(np.float64)
    measures = {
        "confidence": largest.mean(),
        "confidence_std": largest.std(),
        "normalized": scaled.max(axis=1).mean(),
        "margin": (largest - second).mean(),
        **{f"above_{threshold}": (largest > threshold).mean() for threshold in THRESHOLDS},
        "none_above_0.5": (largest <= 0.5).mean(),
        "entropy": -(scaled * np.log(scaled)).sum(axis=1).mean(),
        "favourite": counts.argmax(),
        "favourite_share": counts.max() / len(answers),
        **separation(test_largest, largest),
        "fpr95": (largest >= np.quantile(test_largest, 0.05, method="lower")).mean(),
    }
    return {name: float(value) for name, value in measures.items()}


def separation(positive: NDArray, negative: NDArray) -> dict[str, float]:
    """Area under the ROC curve, and average precision, of scores (n,) and (m,); equal scores share a threshold.

    Written out here, since scikit-learn, which has both, would take 60 MB in every worker.
    """
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    # How many of each reach the threshold, from none to all.
    true, false = (
        np.append(0, len(scores) - np.searchsorted(np.sort(scores), thresholds)) for scores in (positive, negative)
    )
    precision = true[1:] / (true[1:] + false[1:])
    return {
        "auroc": np.trapezoid(true / len(positive), false / len(negative)),
        "aupr": (np.diff(true) * precision).sum() / len(positive),
    }


def calibration_error(answers: NDArray, labels: NDArray, bins: int = 15) -> float:
    """Expected calibration error: how far the largest activation is from the share of right answers.

    Examples are put into bins of equal width by their largest activation; the error is the average over examples of
    the difference, in their bin, between mean activation and accuracy (Guo et al. 2017, arXiv 1706.04599, eq. 3).

    Parameters
    ----------
    answers : (n, outputs)
        Output activations, in [0, 1].
    labels : (n,) int
        The right answers: labelled test data, never noise.
    """
    largest = answers.max(axis=1).astype(np.float64)
    right = answers.argmax(axis=1) == labels
    # A bin contains its upper edge and not its lower one, as in the paper.
    bin_of = np.clip(np.ceil(largest * bins).astype(int) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(bin_of, largest - right)).sum() / len(labels))
