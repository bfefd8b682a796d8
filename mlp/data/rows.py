"""Which rows of a training set are used: the first, equally many of every class, or another sample for each seed."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.data.randomness import generator
from mlp.data.sets import Dataset


def balanced(labels: NDArray, rows: int | None, rng: Generator) -> NDArray:
    """Numbers of the first rows of every class, equally many of each, in their order; `rows` is rounded down to that.

    Raises
    ------
    ValueError
        If a class has too few rows.
    """
    counts = np.bincount(labels)
    each = counts.min() if rows is None else rows // len(counts)
    if each > counts.min():
        raise ValueError(f"rows: {rows} given, balanced; allowed: at most {counts.min() * len(counts)}")
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:each] for label in range(len(counts))]))


def sample(labels: NDArray, rows: int | None, rng: Generator) -> NDArray:
    """Numbers of randomly chosen rows, without repetition; all of them, in another order, if `rows` is None."""
    return rng.permutation(len(labels))[:rows]


# Functions of the labels (n,), the wanted number of rows and a generator that return row numbers.
CHOICES: dict[str, Callable[[NDArray, int | None, Generator], NDArray]] = {
    "first": lambda labels, rows, rng: np.arange(len(labels))[:rows],
    "balanced": balanced,
    "seed": sample,
}


def choose_rows(data: Dataset, choice: str, rows: int | None, seed: int) -> Dataset:
    """A data set with some of its training rows; the test rows stay.

    Parameters
    ----------
    data : Dataset
    choice : {"first", "balanced", "seed"}
        The first rows; equally many of every class, see `balanced`; a random sample for each seed, see `sample`.
    rows : int, optional
        All by default.
    seed : int
        Only ``seed`` depends on it.

    Raises
    ------
    ValueError
        If the choice is unknown, or a class has too few rows.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice: {choice!r} given; allowed: {', '.join(CHOICES)}")
    chosen = CHOICES[choice](data.train_labels, rows, generator(seed, "rows"))
    identity = f"{data.digest} {choice} {rows} {seed if choice == 'seed' else 0}"
    return replace(
        data,
        train_images=data.train_images[chosen],
        train_labels=data.train_labels[chosen],
        digest=hashlib.sha256(identity.encode()).hexdigest(),
    )
