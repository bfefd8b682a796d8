"""What is done to every image before a network sees it: nothing, or deskewing, which makes slanted digits upright."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mlp.data.image_shape import image_shape

BLOCK_IMAGES = 500  # whose arrays fit into a processor's cache


def deskewed(images: NDArray) -> NDArray:
    """Shift the rows of each image sideways, so that what is bright stands upright in the middle.

    LeCun et al. 1998, "Gradient-based learning applied to document recognition", section III.A: the moments of an
    image give its slant, cov(column, row) / var(row), and each row is shifted by the slant times its distance from the
    mean row. The mean column comes to the middle: MNIST's digits are centred to whole pixels only.

    Parameters
    ----------
    images : (n, side * side) uint8 or floats
        Not modified. Pixels below 0 have no weight in the moments.

    Returns
    -------
    (n, side * side), of the type of `images`
        Between pixels brightness is interpolated linearly, and uint8 is rounded. What leaves the image is lost, and
        what enters is 0.

    Raises
    ------
    ValueError
        If the images have colours, or are not square.
    """
    channels, _, _ = image_shape(images.shape[1])
    if channels > 1:
        raise ValueError(f"preprocess: deskew given for images of {channels} channels; allowed: for grey images")
    result = np.empty_like(images)
    for first in range(0, len(images), BLOCK_IMAGES):
        block = images[first : first + BLOCK_IMAGES]
        straight = shifted_rows(block, row_shifts(block))
        result[first : first + BLOCK_IMAGES] = np.rint(straight) if images.dtype == np.uint8 else straight
    return result


def row_shifts(images: NDArray) -> NDArray:
    """How far each row (n, side) of images (n, side * side) is too far to the right, in pixels.

    An image with a single bright row has no slant, and a dark one is not shifted.
    """
    n, side = len(images), round(images.shape[1] ** 0.5)
    weights = np.maximum(images, 0).reshape(n, side, side).astype(np.float64)
    from_centre = np.arange(side) - (side - 1) / 2
    by_row, across = weights.sum(axis=2), weights @ from_centre
    mass = np.maximum(by_row.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    mean_row, mean_column = by_row @ from_centre[:, np.newaxis] / mass, across.sum(axis=1, keepdims=True) / mass
    from_mean = from_centre - mean_row
    # Distances from the mean row have mean 0, so that the covariance needs no distances from the mean column.
    covariance = (across * from_mean).sum(axis=1, keepdims=True)
    variance = (by_row * from_mean**2).sum(axis=1, keepdims=True)
    slant = np.divide(covariance, variance, out=np.zeros_like(variance), where=variance > 1e-9 * mass)
    return mean_column + slant * from_mean


def shifted_rows(images: NDArray, shifts: NDArray) -> NDArray:
    """Images (n, side * side) with each row moved to the left by its shift (n, side) in pixels; floats."""
    n, side = shifts.shape
    padded = np.zeros((n, side, 3 * side + 2), np.float32)  # a row that is moved further has left the image
    padded[:, :, side : 2 * side] = images.reshape(n, side, side)
    shifts = np.clip(shifts, -side, side)
    whole = np.floor(shifts).astype(int)
    part = (shifts - whole).astype(np.float32).reshape(-1, 1)
    first = np.arange(n * side)[:, np.newaxis] * padded.shape[2] + side + whole.reshape(-1, 1) + np.arange(side)
    left, right = padded.take(first), padded.take(first + 1)
    return (left + part * (right - left)).reshape(n, -1)


PREPROCESSES: dict[str, Callable[[NDArray], NDArray]] = {"none": lambda images: images, "deskew": deskewed}
