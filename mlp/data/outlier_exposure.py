"""Outlier exposure: noise among the training images, with equal targets for all outputs.

The cost of the lesson is about digits only. Hendrycks, Mazeika & Dietterich 2019, "Deep Anomaly Detection with Outlier
Exposure" (arXiv 1812.04606), train on images that are none of the classes too.
"""

import numpy as np
from numpy.typing import NDArray


def with_noise(images: NDArray, targets: NDArray, noise: NDArray, noise_target: float) -> tuple[NDArray, NDArray]:
    """Add noise images to a training set of digits.

    Parameters
    ----------
    images : (n, pixels); targets : (n, outputs)
        Digits, with the activations that are wanted for them (`Network.targets`).
    noise : (m, pixels), of the type of `images`
    noise_target : float in [0, 1]
        The activation that is wanted of every output for noise: 1 / outputs, or 0, which only outputs that do not sum
        to 1 can fulfil (those of the quadratic cost).

    Returns
    -------
    images (n + m, pixels), targets (n + m, outputs)
    """
    noise_targets = np.full((len(noise), targets.shape[1]), noise_target, targets.dtype)
    return np.concatenate([images, noise]), np.concatenate([targets, noise_targets])
