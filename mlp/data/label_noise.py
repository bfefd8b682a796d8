"""Label noise that depends on the class, and label noise that depends on the image."""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Flips: TypeAlias = str | Sequence[Sequence[float]]  # pairs of digits, or a matrix
PAIR = r"\s*(\d{1,3})\s*([->])\s*(\d{1,3})\s*"


def transition_matrix(flips: Flips, classes: int) -> NDArray:
    """Probabilities (classes, classes) of the label that is given, in the row of the true one; float64.

    T[i, j] = P(given label j | true label i): Patrini et al., "Making Deep Neural Networks Robust to Label Noise"
    (CVPR 2017, arXiv 1609.03683).

    Parameters
    ----------
    flips : str or (classes, classes) floats
        Pairs: ``"4-9"`` gives 9 to every 4 and 4 to every 9, ``"7>1"`` only 1 to every 7; several with commas. Other
        classes keep their labels. Or the matrix itself.
    classes : int

    Raises
    ------
    ValueError
        If a pair is malformed, a class is flipped twice or does not exist, or the rows of a matrix are no
        probabilities.
    """
    if not isinstance(flips, str):
        matrix = square(flips, classes)
        if not (matrix >= 0).all() or abs(matrix.sum(axis=1) - 1).max() > 1e-6:
            raise ValueError("flips: a matrix given; allowed: rows of probabilities, which sum to 1")
        return matrix
    matrix = np.eye(classes)
    for pair in flips.split(","):
        if not (match := re.fullmatch(PAIR, pair)):
            raise ValueError(
                f"flips: {pair!r} given; allowed: pairs such as 4-9 (both ways) or 7>1 (one way), or a matrix"
            )
        one, other = int(match[1]), int(match[3])
        if one == other or max(one, other) >= classes:
            raise ValueError(f"flips: {pair.strip()!r} given; allowed: two different labels from 0 to {classes - 1}")
        for true, given in [(one, other), (other, one)][: 2 if match[2] == "-" else 1]:
            if matrix[true, true] == 0:
                raise ValueError(f"flips: {true} flipped twice; allowed: once")
            matrix[true, [true, given]] = 0, 1
    return matrix


def square(rows: ArrayLike, classes: int) -> NDArray:
    """Rows as a matrix (classes, classes) of finite numbers, or a ValueError."""
    wanted = f"{classes} rows of {classes} numbers, or pairs such as 4-9"
    try:
        matrix = np.array(rows, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"flips: something else than a matrix given; allowed: {wanted}") from None
    if matrix.shape != (classes, classes) or not np.isfinite(matrix).all():
        raise ValueError(f"flips: a matrix of shape {matrix.shape} given; allowed: {wanted}")
    return matrix


def flipped(labels: NDArray[Any], classes: int, rng: Generator, flips: Flips = "4-9") -> NDArray[Any]:
    """New labels (n,), each drawn from the row of the old one in a `transition_matrix`."""
    ends = transition_matrix(flips, classes).cumsum(axis=1)[:, :-1]  # without the last, which is 1 up to rounding
    return (rng.random(len(labels))[:, np.newaxis] >= ends[labels]).sum(axis=1)


def flipped_at_boundary(
    labels: NDArray[Any], fraction: float, classes: int, rng: Generator, answers: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Give wrong labels to the images of which a reference network is least sure.

    The noise of a labeller who errs only where classes are close, as in "boundary-consistent" noise (Menon et al.,
    "Learning from binary labels with instance-dependent noise", 2018). It has nothing random: an image is unsure if its
    *margin* is small, the difference of the two largest activations, and its new label is the likeliest wrong one.

    Parameters
    ----------
    labels : (n,) int
    fraction : float in [0, 1]
        The labels of ``round(fraction * n)`` images change, all of them to wrong ones. A larger fraction includes the
        images of a smaller one.
    classes, rng
        Not used.
    answers : (n, classes)
        Activations of the reference network, see `mlp.engine.reference`.

    Raises
    ------
    ValueError
        If there are no answers.
    """
    if answers is None:
        raise ValueError("answers: none given; allowed: those of a reference network, with the kind boundary")
    rows = np.arange(len(labels))
    second, first = np.partition(answers, -2, axis=1)[:, -2:].T
    chosen = np.argsort(first - second, kind="stable")[: round(fraction * len(labels))]
    others = answers.copy()
    others[rows, labels] = -np.inf
    result = labels.copy()
    result[chosen] = others[chosen].argmax(axis=1)
    return result
