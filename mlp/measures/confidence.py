"""A network's confidence in its answers to noise, compared with test images."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.data.corruption import gaussian_pixels
from mlp.data.preprocessing import PREPROCESSES
from mlp.data.sets import Dataset, blocks
from mlp.nn.descent import scaled
from mlp.nn.network import Network, Parameters

THRESHOLDS = (0.5, 0.9, 0.99)
BLOCK_IMAGES = 1000  # images converted to floats at once: 3 MB

# Title and unit of each measure of `confidence`, in its order; % for shares.
MEASURES: dict[str, tuple[str, str]] = {
    "confidence": ("Largest activation", "%"),
    "confidence_std": ("Standard deviation of the largest activation", "%"),
    "normalized": ("Largest activation as a share of all", "%"),
    "margin": ("Difference of the two largest activations", "%"),
    **{f"above_{threshold}": (f"Images with an activation above {threshold}", "%") for threshold in THRESHOLDS},
    "none_above_0.5": ("Images without an activation above 0.5", "%"),
    "entropy": ("Entropy of the answers", "nats"),
    "favourite": ("Most frequent answer", ""),
    "favourite_share": ("Share of the most frequent answer", "%"),
    "auroc": ("Area under the ROC curve, test images against noise", "%"),
    "aupr": ("Average precision, test images against noise", "%"),
    "fpr95": ("Noise that passes for a test image, at 95 % of these", "%"),
}


def shuffled(count: int, images: NDArray, rng: Generator) -> NDArray:
    """Images drawn with replacement, with the pixels of each permuted."""
    return rng.permuted(images[rng.integers(len(images), size=count)], axis=1)


# Functions of the number of images, the test images (n, pixels) and a generator.
NOISES: dict[str, Callable[[int, NDArray, Generator], NDArray]] = {
    "uniform": lambda count, images, rng: rng.integers(256, size=(count, images.shape[1]), dtype=np.uint8),
    "gaussian": lambda count, images, rng: gaussian_pixels(images, count, rng),
    "shuffled": shuffled,
    "constant": lambda count, images, rng: rng.integers(256, size=(count, 1), dtype=np.uint8).repeat(
        images.shape[1], 1
    ),
}


def unclipped_gaussian(count: int, pixels: int, rng: Generator) -> NDArray:
    """Inputs (count, pixels) float32 from N(0, 1), as Hendrycks & Gimpel 2016 (arXiv 1610.02136) draw Gaussian noise.

    No images: half of the pixels are below 0, and one in six is above 1.
    """
    return rng.standard_normal((count, pixels), dtype=np.float32)


def noise_images(kind: str, count: int, data: Dataset, rng: Generator) -> NDArray:
    """Noise images (count, pixels) uint8, preprocessed as the images of the data set are.

    Parameters
    ----------
    kind : {"uniform", "gaussian", "shuffled", "constant"}
        Uniform pixels from 0 to 255; `gaussian_pixels` of the test images; test images with the pixels of each
        permuted; one uniform grey level for each image.
    count : int
    data : Dataset
    rng : Generator

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind not in NOISES:
        raise ValueError(f"kind: {kind!r} given; allowed: {', '.join(NOISES)}")
    return PREPROCESSES[data.preprocess](NOISES[kind](count, data.test_images, rng))


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
            Mean of the largest activation after scaling each image's activations to sum 1 (sigmoid outputs don't).
        ``margin``
            Mean difference between the two largest activations.
        ``above_0.5``, ``above_0.9``, ``above_0.99``, ``none_above_0.5``
            Share of images with, or without, an activation above that value.
        ``entropy``
            Mean entropy of the scaled activations, in nats; log(outputs) for equal activations.
        ``favourite``, ``favourite_share``
            The most frequent answer, and its share of the images.
        ``auroc``, ``aupr``, ``fpr95``
            How well the largest activation separates test images (the positive class) from noise: area under the ROC
            curve, average precision, and the share of noise above the threshold that 95 % of the test images reach.
            Without any separation: 0.5, m / (m + n) and 0.95 (Hendrycks & Gimpel 2016).
    """
    answers = answers.astype(np.float64)
    second, largest = np.partition(answers, -2, axis=1)[:, -2:].T
    # Adding tiny makes activations equal that all underflowed to 0.
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
    """Area under the ROC curve and average precision of scores (n,) and (m,); equal scores share a threshold.

    scikit-learn has both, but importing it would cost every worker 60 MB.
    """
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    # True and false positives at each threshold, from none to all.
    true, false = (
        np.append(0, len(scores) - np.searchsorted(np.sort(scores), thresholds)) for scores in (positive, negative)
    )
    precision = true[1:] / (true[1:] + false[1:])
    return {
        "auroc": np.trapezoid(true / len(positive), false / len(negative)),
        "aupr": (np.diff(true) * precision).sum() / len(positive),
    }


def answers_in_blocks(network: Network, parameters: Parameters, images: NDArray) -> NDArray:
    """Output activations (n, outputs) for images (n, pixels) uint8, without a float copy of all of them."""
    return np.concatenate([network.answers(parameters, scaled(block)) for block in blocks(images, BLOCK_IMAGES)])


def confidence_on_noise(
    network: Network, parameters: Parameters, noise: Mapping[str, NDArray], test_images: NDArray
) -> dict[str, float]:
    """All measures of `confidence` for all kinds of noise, as metrics such as ``noise/uniform/auroc``.

    Parameters
    ----------
    noise : mapping of kind to (n, pixels) uint8
    test_images : (m, pixels) uint8
    """
    test_answers = answers_in_blocks(network, parameters, test_images)
    return {
        f"noise/{kind}/{name}": value
        for kind, images in noise.items()
        for name, value in confidence(answers_in_blocks(network, parameters, images), test_answers).items()
    }
