"""A reason to doubt: noise among the training images, with the wish that no output answers to it.

The cost of the lesson is about digits only. Hendrycks, Mazeika & Dietterich 2019, "Deep Anomaly Detection with Outlier
Exposure" (arXiv 1812.04606), train on images that are none of the classes too, with equal targets for all outputs.
"""

import numpy as np
from numpy.typing import NDArray


def with_noise(images: NDArray, targets: NDArray, noise: NDArray, wish: float) -> tuple[NDArray, NDArray]:
    """A training set with noise images beside the digits.

    Parameters
    ----------
    images : (n, pixels); targets : (n, outputs)
        Digits, with the activations that are wanted for them (`Network.targets`).
    noise : (m, pixels), of the type of `images`
    wish : float in [0, 1]
        The activation that is wanted of every output for noise: 1 / outputs, or 0, which only outputs that do not sum
        to 1 can fulfil (those of the quadratic cost).

    Returns
    -------
    images (n + m, pixels), targets (n + m, outputs)
    """
    doubts = np.full((len(noise), targets.shape[1]), wish, targets.dtype)
    return np.concatenate([images, noise]), np.concatenate([targets, doubts])
