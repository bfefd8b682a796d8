"""Linear and kernel systems with more unknowns than equations: the solution of the smallest norm, and descent to it.

Zhang et al. 2016, "Understanding deep learning requires rethinking generalization" (arXiv 1611.03530), section 5.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
import scipy  # loads its parts on first use
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlp.data.sets import blocks
from mlp.nn.steps import Momentum

# scikit-image is imported where it is used, because that takes most of a second.

# OpenBLAS's dsyrk, which computes X X^T and a part of Cholesky's factors, crashes on processors with AVX-512 if it uses
# two threads and X has some 16,000 rows or more (numpy/numpy#19685): large systems are solved by one thread.
one_thread = threadpool_limits.wrap(limits=1, user_api="blas")

GABOR_FREQUENCIES, GABOR_ANGLES, GABOR_POOL = (0.125, 0.25), 8, 4  # in waves per pixel; pixels
GABOR_ROWS = 1_000  # images filtered at once: the complex answers of all would take gigabytes


@one_thread
def gaussian_kernel(images: NDArray, others: NDArray, width: float) -> NDArray:
    """Gaussian kernel exp(-|x - x'|^2 / (2 width^2)) between images (n, d) and others (m, d): (n, m), float64."""
    kernel = images @ others.T
    kernel *= -2
    kernel += (images**2).sum(axis=1)[:, np.newaxis]
    kernel += (others**2).sum(axis=1)
    np.maximum(kernel, 0, out=kernel)  # rounding may leave the distance of an image to itself below 0
    kernel *= -0.5 / width**2
    return np.exp(kernel, out=kernel)


def median_distance(images: NDArray, rows: int = 1000) -> float:
    """Median of the distances between the first images (n, d): the scale of a kernel's width."""
    return float(np.median(scipy.spatial.distance.pdist(images[:rows])))


@one_thread
def minimum_norm(kernel: NDArray, targets: NDArray) -> NDArray:
    """Coefficients (n, k) of the interpolating solution of the smallest norm, by Cholesky's factors.

    Parameters
    ----------
    kernel : (n, n) float64
        Positive definite: of the training images with each other. For a linear system, X X^T. Overwritten, because
        that of 20,000 images takes 3 GB.
    targets : (n, k)
        The solution is sum over i of kernel(x(i), x) alpha(i).

    Raises
    ------
    numpy.linalg.LinAlgError
        If the kernel is not positive definite, for instance because an image occurs twice.
    """
    # LAPACK overwrites only arrays in Fortran order, and the transpose of a symmetric matrix is that matrix.
    factors = scipy.linalg.cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
    return scipy.linalg.cho_solve(factors, targets, check_finite=False)


def solution_norm(coefficients: NDArray, targets: NDArray) -> float:
    """Norm of an interpolating solution, all outputs together: the root of trace(alpha^T K alpha), K alpha = y."""
    return float(np.sqrt((coefficients * targets).sum()))


def descend_quadratic(
    gradient: Callable[[NDArray], NDArray], start: NDArray, curvatures: tuple[float, float], steps: int
) -> NDArray:
    """Gradient descent with momentum on a quadratic cost, at the best constant rate and momentum; the last point.

    Parameters
    ----------
    gradient : callable
        From a point (d, k) to the gradient there.
    start : (d, k)
        Not changed.
    curvatures : (lowest, highest)
        Of the cost, along the directions in which it is not flat.
    steps : int

    Notes
    -----
    Polyak 1964: rate 4 / (sqrt(highest) + sqrt(lowest))^2, momentum ((sqrt(highest) - sqrt(lowest)) / their sum)^2.
    Momentum adds up gradients, so that from zero every point is a combination of the training images, as in plain
    descent; only the number of steps is smaller.
    """
    low, high = map(sqrt, curvatures)
    point = start.copy()
    rule = Momentum([point], ((high - low) / (high + low)) ** 2, 0.0)
    for _ in range(steps):
        rule.step([gradient(point)], 4 / (high + low) ** 2)
    return point


def curvatures_of(kernel: NDArray) -> tuple[float, float]:
    """The lowest and the highest eigenvalue of a kernel (n, n)."""
    n = len(kernel)
    lowest, highest = (scipy.linalg.eigvalsh(kernel, subset_by_index=(i, i), check_finite=False)[0] for i in (0, n - 1))
    return float(lowest), float(highest)


def gabor_features(images: NDArray) -> NDArray:
    """Strength of strokes by place, direction and thickness: magnitudes of Gabor filters, (n, features) float64.

    Parameters
    ----------
    images : (n, side * side) floats
        `side` divisible by 4. Each filter's answer is averaged over blocks of 4x4 pixels.
    """
    from skimage.filters import gabor_kernel

    angles = np.pi * np.arange(GABOR_ANGLES) / GABOR_ANGLES
    waves = [gabor_kernel(frequency, theta=angle) for frequency in GABOR_FREQUENCIES for angle in angles]
    return np.concatenate([_answers(block, waves) for block in blocks(images, GABOR_ROWS)])


def _answers(images: NDArray, waves: list[NDArray]) -> NDArray:
    """Average magnitudes of the answers of all filters (side, side) complex, (n, filters * blocks)."""
    n, side = len(images), round(images.shape[1] ** 0.5)
    blocks, squares = side // GABOR_POOL, images.reshape(n, side, side)
    means = []
    for wave in waves:
        answers = np.abs(scipy.signal.oaconvolve(squares, wave[np.newaxis], mode="same", axes=(1, 2)))
        means.append(answers.reshape(n, blocks, GABOR_POOL, blocks, GABOR_POOL).mean(axis=(2, 4)).reshape(n, -1))
    return np.concatenate(means, axis=1)
