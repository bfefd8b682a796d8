"""Corrupted labels and corrupted images (Zhang et al. 2016, arXiv 1611.03530, and `mlp.data.label_noise`)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.data.label_noise import flipped, flipped_at_boundary
from mlp.data.randomness import generator
from mlp.data.sets import Dataset, blocks


@dataclass(frozen=True)
class Corruption:
    """A kind of corrupted labels.

    Attributes
    ----------
    word : str
        What the labels are then.
    corrupt : callable
        From labels (n,), which it does not modify, a fraction, the number of classes and a generator to labels (n,).
    parameters : tuple of str
        Names of its other arguments, which are settings of an experiment: `flows.plan.settings.CorruptionSettings`.
    by_reference : bool
        Takes `answers` (n, classes): the activations of a reference network.
    """

    word: str
    corrupt: Callable[..., NDArray[Any]]
    parameters: tuple[str, ...] = ()
    by_reference: bool = False


def at_random(relabel: Callable[..., NDArray[Any]]) -> Callable[..., NDArray[Any]]:
    """A corruption of randomly chosen rows: their labels become ``relabel(labels, classes, rng, **parameters)``."""

    def corrupt(labels: NDArray[Any], fraction: float, classes: int, rng: Generator, **parameters: Any) -> NDArray[Any]:
        chosen = rng.permutation(len(labels))[: round(fraction * len(labels))]
        corrupted = labels.copy()
        corrupted[chosen] = relabel(labels[chosen], classes, rng, **parameters)
        return corrupted

    return corrupt


# To add a kind, add a row; if it has a parameter, also a field in `CorruptionSettings`.
LABEL_CORRUPTIONS: dict[str, Corruption] = {
    "shuffle": Corruption("shuffled", at_random(lambda labels, classes, rng: rng.permutation(labels))),
    "redraw": Corruption("redrawn", at_random(lambda labels, classes, rng: rng.integers(classes, size=len(labels)))),
    "flip": Corruption("flipped", at_random(flipped), ("flips",)),
    "boundary": Corruption("flipped at the boundary", flipped_at_boundary, by_reference=True),
}


def corrupt_labels(
    labels: NDArray[Any], kind: str, fraction: float, classes: int, rng: Generator, **parameters: Any
) -> NDArray[Any]:
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
    **parameters
        ``flips`` for ``flip``: see `mlp.data.label_noise.transition_matrix`; ``answers`` (n, classes) for
        ``boundary``: activations of the reference network.

    Raises
    ------
    ValueError
        If the kind is unknown, the fraction out of range, or a parameter malformed or missing.
    """
    if kind not in LABEL_CORRUPTIONS:
        raise ValueError(f"kind: {kind!r} given; allowed: {', '.join(LABEL_CORRUPTIONS)}")
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction: {fraction} given; allowed: 0 to 1")
    return LABEL_CORRUPTIONS[kind].corrupt(labels, fraction, classes, rng, **parameters)


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
