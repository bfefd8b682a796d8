"""Training sets made wrong on purpose: labels and, apart from them, images (Zhang et al. 2016, arXiv 1611.03530)."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

# Each takes the labels of the chosen rows, in random order, and gives new ones.
LABEL_CORRUPTIONS: dict[str, Callable[[NDArray, int, Generator], NDArray]] = {
    "shuffle": lambda labels, classes, rng: rng.permutation(labels),
    "redraw": lambda labels, classes, rng: rng.integers(classes, size=len(labels)),
}


def corrupt_labels(labels: NDArray, kind: str, fraction: float, classes: int, rng: Generator) -> NDArray:
    """Give a random part of the rows other labels.

    Parameters
    ----------
    labels : (n,) int
        Left as they are.
    kind : {"shuffle", "redraw"}
        Permute the labels among the chosen rows, which keeps the class histogram, or redraw each uniformly over the
        classes (Zhang's partially corrupted labels). Either leaves about one in ten of ten classes right.
    fraction : float in [0, 1]
        Exactly ``round(fraction * n)`` rows are chosen. From one seed, a larger fraction's rows contain a smaller's.
    classes : int

    Returns
    -------
    (n,) array of the labels' type
    """
    if kind not in LABEL_CORRUPTIONS:
        raise ValueError(f"kind: {kind!r} given; allowed: {', '.join(LABEL_CORRUPTIONS)}")
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction: {fraction} given; allowed: 0 to 1")
    chosen = rng.permutation(len(labels))[: round(fraction * len(labels))]
    corrupted = labels.copy()
    corrupted[chosen] = LABEL_CORRUPTIONS[kind](labels[chosen], classes, rng)
    return corrupted


def gaussian_pixels(images: NDArray, count: int, rng: Generator) -> NDArray:
    """Images (count, pixels) uint8 whose pixels are independent draws, clipped to 0..255.

    One mean and one variance for all pixels, those of `images` (n, pixels): a mean for each pixel would draw the
    silhouette of a digit. Clipping narrows them: MNIST's mean of 33 and deviation of 79 become 51 and 56.
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


def blocks(images: NDArray, rows: int = 10_000) -> list[NDArray]:
    """Views of consecutive rows: no temporary array gets as large as the data set."""
    return [images[first : first + rows] for first in range(0, len(images), rows)]


IMAGE_CORRUPTIONS: dict[str, Callable[[NDArray, Generator], NDArray]] = {
    "shuffled_pixels": lambda images, rng: images.take(rng.permutation(images.shape[1]), axis=1),
    "random_pixels": lambda images, rng: rng.permuted(images, axis=1),
    "gaussian": lambda images, rng: gaussian_pixels(images, len(images), rng),
}


def corrupt_images(images: NDArray, kind: str, rng: Generator) -> NDArray:
    """Replace images by ones of the same size in which less, or nothing, can be seen.

    Parameters
    ----------
    images : (n, pixels) uint8
        Left as they are.
    kind : {"shuffled_pixels", "random_pixels", "gaussian"}
        One permutation of the pixels for all images; a permutation for each image; or noise with the mean and
        variance of all pixels (`gaussian_pixels`). The one permutation depends on nothing but the generator and the
        number of pixels: a generator of the same seed gives test images the same one.

    Returns
    -------
    (n, pixels) uint8, C order
    """
    if kind not in IMAGE_CORRUPTIONS:
        raise ValueError(f"kind: {kind!r} given; allowed: {', '.join(IMAGE_CORRUPTIONS)}")
    return IMAGE_CORRUPTIONS[kind](images, rng)
