"""Corrupted labels and corrupted images (Zhang et al. 2016, arXiv 1611.03530, and `mlp.data.label_noise`)."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.data.label_noise import Flips, drawn, flipped_at_boundary, transition_matrix
from mlp.data.randomness import generator
from mlp.data.sets import Dataset, blocks

# What is done to the labels, and what they are then.
CORRUPTED = {"shuffle": "shuffled", "redraw": "redrawn", "flip": "flipped", "boundary": "flipped at the boundary"}
LABEL_CORRUPTIONS = tuple(CORRUPTED)


def corrupt_labels(
    labels: NDArray,
    kind: str,
    fraction: float,
    classes: int,
    rng: Generator,
    flips: Flips = "4-9",
    answers: NDArray | None = None,
) -> NDArray:
    """Corrupt some labels; returns an array like `labels`.

    Parameters
    ----------
    labels : (n,) int
        Not modified.
    kind : {"shuffle", "redraw", "flip", "boundary"}
        Permute the labels among randomly chosen rows, which keeps the class histogram; redraw each uniformly over the
        classes (Zhang's partially corrupted labels; with ten classes, either leaves about one label in ten right);
        draw each from the row of its class in a transition matrix T, so that the noise of all rows has the matrix
        (1 - fraction) I + fraction T (Patrini et al. 2017); or flip where a reference network is unsure, see
        `mlp.data.label_noise.flipped_at_boundary`.
    fraction : float in [0, 1]
        Exactly ``round(fraction * n)`` rows are chosen. With the same seed, a larger fraction includes the rows of a
        smaller one.
    classes : int
        Labels are drawn from 0 to classes - 1.
    rng : Generator
    flips : str or (classes, classes) floats
        For ``flip``: see `mlp.data.label_noise.transition_matrix`.
    answers : (n, classes), optional
        For ``boundary``: activations of the reference network.

    Raises
    ------
    ValueError
        If the kind is unknown, the fraction out of range, `flips` malformed, or `answers` missing.
    """
    if kind not in LABEL_CORRUPTIONS:
        raise ValueError(f"kind: {kind!r} given; allowed: {', '.join(LABEL_CORRUPTIONS)}")
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction: {fraction} given; allowed: 0 to 1")
    if kind == "boundary":
        if answers is None:
            raise ValueError("answers: none given; allowed: those of a reference network, with the kind boundary")
        return flipped_at_boundary(labels, fraction, answers)
    chosen = rng.permutation(len(labels))[: round(fraction * len(labels))]
    corrupted = labels.copy()
    if kind == "shuffle":
        corrupted[chosen] = rng.permutation(labels[chosen])
    elif kind == "redraw":
        corrupted[chosen] = rng.integers(classes, size=len(chosen))
    else:
        corrupted[chosen] = drawn(labels[chosen], transition_matrix(flips, classes), rng)
    return corrupted


def gaussian_pixels(images: NDArray, count: int, rng: Generator) -> NDArray:
    """Images (count, pixels) uint8 of independent Gaussian pixels, clipped to 0..255.

    All pixels have the overall mean and variance of `images` (n, pixels): a mean for each pixel would draw the
    silhouette of a digit. Clipping changes MNIST's mean of 33 and standard deviation of 79 to 51 and 56.
    """
    counts = sum(np.bincount(block.ravel(), minlength=256) for block in blocks(images))
    levels = np.arange(256)
    mean = float(counts @ levels / images.size)
    deviation = float(np.sqrt(counts @ (levels - mean) ** 2 / images.size))
    noise = np.empty((count, images.shape[1]), np.uint8)
    for block in blocks(noise):
        draws = mean + deviation * rng.standard_normal(block.shape, dtype=np.float32)
        block[:] = np.rint(np.clip(draws, 0, 255))
    return noise


IMAGE_CORRUPTIONS: dict[str, Callable[[NDArray, Generator], NDArray]] = {
    "shuffled_pixels": lambda images, rng: images.take(rng.permutation(images.shape[1]), axis=1),
    "random_pixels": lambda images, rng: rng.permuted(images, axis=1),
    "gaussian": lambda images, rng: gaussian_pixels(images, len(images), rng),
}


def corrupt_images(images: NDArray, kind: str, rng: Generator) -> NDArray:
    """Corrupt all images; returns an array like `images`, in C order.

    Parameters
    ----------
    images : (n, pixels) uint8
        Not modified.
    kind : {"shuffled_pixels", "random_pixels", "gaussian"}
        One permutation of the pixels for all images, another permutation for each image, or `gaussian_pixels`.
        ``shuffled_pixels`` depends only on the generator and the number of pixels: a generator with the same seed
        permutes test images in the same way.
    rng : Generator

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind not in IMAGE_CORRUPTIONS:
        raise ValueError(f"kind: {kind!r} given; allowed: {', '.join(IMAGE_CORRUPTIONS)}")
    return IMAGE_CORRUPTIONS[kind](images, rng)


def corrupted_inputs(data: Dataset, kind: str) -> Dataset:
    """A data set with corrupted training images, and with test images that match them where that is possible.

    Parameters
    ----------
    data : Dataset
    kind : {"true", "shuffled_pixels", "random_pixels", "gaussian"}
        ``true`` changes nothing; for the others see `corrupt_images`. With ``shuffled_pixels`` the test images are
        permuted in the same way; the other kinds leave nothing to recognize, and test images stay as they are. The
        random numbers are those of seed 0, so that all cells of a stack see the same images.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind == "true":
        return data
    images = corrupt_images(data.train_images, kind, generator(0, "corruption"))
    test_images = data.test_images
    if kind == "shuffled_pixels":
        test_images = corrupt_images(test_images, kind, generator(0, "corruption"))
    return replace(data, train_images=images, test_images=test_images)
