"""MNIST and its peers: fetched from OpenML once, kept as uint8 arrays, split into a training and a test set."""

import hashlib
import os
import re
import socket
import warnings
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

# scikit-learn is imported where it is used: a load from the array cache then costs neither its second nor its 150 MB.

OPENML_NAMES = {"mnist": "mnist_784", "fashion": "Fashion-MNIST", "kmnist": "Kuzushiji-MNIST"}
NAMES = ("auto", "digits", *OPENML_NAMES)
SPLITS = ("canonical", "stratified")
SIDE = 28
PIXELS = SIDE * SIDE
TRAIN, ROWS = 60_000, 70_000  # of the canonical split
DIGEST_BYTES = 32  # of a SHA-256
NETWORK_ERRORS = (URLError, ConnectionError, TimeoutError, HTTPException)
NETWORK_TIMEOUT = 20.0  # seconds


class DataUnavailable(ConnectionError):
    """OpenML can't be reached, and the data home does not have the data."""


class DataFallback(UserWarning):
    """The embedded digits took the place of MNIST."""


class CacheWarning(UserWarning):
    """The array cache was damaged or can't be written; the result is the same, only later."""


@dataclass(frozen=True)
class Dataset:
    """Training and test images (n, pixels) uint8 in C order, and their labels (n,) uint8.

    Attributes
    ----------
    name : str
        As asked for, but ``digits`` where ``auto`` fell back to them.
    digest : str
        SHA-256 over what decides the arrays: two data sets with one digest are the same.
    """

    name: str
    train_images: NDArray
    train_labels: NDArray
    test_images: NDArray
    test_labels: NDArray
    digest: str

    @property
    def classes(self) -> int:
        """Number of classes, which count from 0."""
        return int(max(self.train_labels.max(), self.test_labels.max())) + 1


class Source(NamedTuple):
    """All rows of a data set, before they are split: images (n, pixels) and labels (n,), both uint8."""

    images: NDArray
    labels: NDArray
    digest: str


def load(
    name: str,
    *,
    split: str = "canonical",
    rows: int | None = None,
    test_rows: int | None = None,
    side: int = SIDE,
    seed: int = 0,
    data_home: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : {"mnist", "fashion", "kmnist", "digits", "auto"} or the name of other 28x28 images at OpenML
        ``digits`` are scikit-learn's 1,797 embedded digits, which need no network. ``auto`` is MNIST, or the digits
        where OpenML can't be reached (warns of `DataFallback`).
    split : {"canonical", "stratified"}
        The first 60,000 rows train and the last 10,000 test, or 6/7 and 1/7 drawn at random from every class. The
        digits have no canonical split: they are always drawn at random, 80 % to 20 %.
    rows, test_rows : int, optional
        At most so many rows of the training and the test set: the first ones.
    side : int, 1 to 28
        Images are averaged by area to side x side pixels.
    seed : int
        Of the stratified split.
    data_home : path, optional
        scikit-learn's data home; by default the variable SCIKIT_LEARN_DATA, or ~/scikit_learn_data.

    Raises
    ------
    DataUnavailable
        OpenML can't be reached, and the data home does not have the data.
    ValueError
        A field out of range, or a data set that is not made of 28x28 images.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ValueError(f"data: {name!r} given; allowed: {', '.join(NAMES)} or an OpenML name (letters, digits, _.-)")
    if split not in SPLITS:
        raise ValueError(f"split: {split!r} given; allowed: {', '.join(SPLITS)}")
    for field, number in (("rows", rows), ("test_rows", test_rows)):
        if number is not None and number < 1:
            raise ValueError(f"{field}: {number} given; allowed: 1 or more")
    if not 1 <= side <= SIDE:
        raise ValueError(f"side: {side} given; allowed: 1 to {SIDE}")

    if name == "auto":
        try:
            name, source = "mnist", openml("mnist", data_home)
        except DataUnavailable as error:
            warnings.warn(
                f"no MNIST ({error.__cause__}): taking the embedded digits instead", DataFallback, stacklevel=2
            )
            name, source = "digits", digits()
    else:
        source = digits() if name == "digits" else openml(name, data_home)

    train: slice | NDArray
    test: slice | NDArray
    if name == "digits" or split == "stratified":
        from sklearn.model_selection import train_test_split

        n = len(source.labels)
        share = n // 5 if name == "digits" else n // 7
        train, test = train_test_split(np.arange(n), test_size=share, stratify=source.labels, random_state=seed)
        split = f"stratified {seed}"
    elif len(source.labels) == ROWS:
        train, test = slice(TRAIN), slice(TRAIN, ROWS)
    else:
        raise ValueError(f"split: canonical given, but {name} has {len(source.labels)} rows; allowed: split=stratified")

    train_labels, test_labels = source.labels[train][:rows], source.labels[test][:test_rows]
    decides = f"{source.digest} {split} {len(train_labels)} {len(test_labels)} {side}"
    return Dataset(
        name,
        resized(source.images[train][:rows], side),
        train_labels,
        resized(source.images[test][:test_rows], side),
        test_labels,
        hashlib.sha256(decides.encode()).hexdigest(),
    )


def resized(images: NDArray, side: int) -> NDArray:
    """Square images (n, pixels) uint8 averaged by area to (n, side*side) uint8.

    Halves round to even. Weights are whole numbers and their sums stay below 2^24, where float32 is exact: the result
    is the same on every machine.
    """
    old = round(images.shape[1] ** 0.5)
    if old == side:
        return images
    # On a line of old * side units, an old pixel is `side` units long and a new one `old`: the overlap is the weight.
    old_edge, new_edge = np.arange(old) * side, np.arange(side) * old
    overlap = np.minimum(old_edge[:, None] + side, new_edge + old) - np.maximum(old_edge[:, None], new_edge)
    weights = np.maximum(overlap, 0).astype(np.float32)
    weights = np.kron(weights, weights)
    new = np.empty((len(images), side * side), np.uint8)
    for first in range(0, len(images), 10_000):
        block = slice(first, first + 10_000)
        new[block] = np.rint(images[block].astype(np.float32) @ weights / np.float32(old * old))
    return new


def digits() -> Source:
    """scikit-learn's embedded 8x8 digits, as 28x28 images with pixels 0..255 (there: 0..16)."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return unpacked(packed(resized(np.rint(images * (255 / 16)).astype(np.uint8), SIDE), labels.astype(np.uint8)))


def openml(name: str, data_home: str | os.PathLike[str] | None) -> Source:
    """A data set from the array cache, or from scikit-learn's cache or OpenML and then into the array cache."""
    # As sklearn.datasets.get_data_home has it.
    home = Path(data_home or os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")).expanduser()
    name = OPENML_NAMES.get(name, name)
    file = home / "mlp" / f"{name}.uint8"
    stored = read_cache(file)
    if stored is None:
        stored = packed(*fetch(name, home))
        try:
            write_cache(file, stored)
        except OSError as error:
            warnings.warn(
                f"array cache not written, the next load will parse again: {error}", CacheWarning, stacklevel=2
            )
    return unpacked(stored)


def packed(images: NDArray, labels: NDArray) -> NDArray:
    """Digest, labels and images as one vector of bytes: what a cache file holds."""
    body = np.concatenate([labels, images.ravel()])
    stored = np.concatenate([np.frombuffer(hashlib.sha256(body.data).digest(), np.uint8), body])
    stored.flags.writeable = False
    return stored


def unpacked(stored: NDArray) -> Source:
    """The inverse of `packed` for 28x28 images; copies nothing."""
    digest, body = stored[:DIGEST_BYTES], stored[DIGEST_BYTES:]
    n = len(body) // (1 + PIXELS)
    return Source(body[n:].reshape(n, PIXELS), body[:n], digest.tobytes().hex())


def read_cache(file: Path) -> NDArray | None:
    """A cache file as a memory map, read-only; None where there is none, or one that its digest does not fit."""
    try:
        # An empty file can't be mapped; an empty array fits no digest.
        stored = np.asarray(np.memmap(file, np.uint8, "r")) if file.stat().st_size else np.empty(0, np.uint8)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if hashlib.sha256(stored[DIGEST_BYTES:].data).digest() == stored[:DIGEST_BYTES].tobytes():
        return stored
    warnings.warn(
        f"{file} is damaged (its digest does not fit): thrown away, fetching again", CacheWarning, stacklevel=2
    )
    return None


def write_cache(file: Path, stored: NDArray) -> None:
    """Write a cache file. Whoever reads it meanwhile sees the old one or the new one, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{uuid4().hex}")
    try:
        temporary.write_bytes(stored.data)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def fetch(name: str, home: Path) -> tuple[NDArray, NDArray]:
    """Images (n, 784) and labels (n,) as uint8, from scikit-learn's cache or OpenML."""
    table = fetch_table(name, home)
    pixels, target = table.data, table.target
    unfit = f"data: {name!r} given; allowed: 28x28 images, a dense table of {PIXELS} pixels and a label from 0 to 255"
    if not isinstance(pixels, np.ndarray) or pixels.shape[1] != PIXELS or target is None:
        raise ValueError(unfit)
    try:
        numbers = target.astype(np.float64)  # OpenML's labels are strings
        with np.errstate(invalid="ignore"):
            images, labels = pixels.astype(np.uint8), numbers.astype(np.uint8)
    except ValueError as error:
        raise ValueError(unfit) from error
    if not (np.array_equal(images, pixels) and np.array_equal(labels, numbers) and labels.ndim == 1):
        raise ValueError(unfit)
    return images, labels


def fetch_table(name: str, home: Path):
    """scikit-learn's fetch_openml, that gives up on a dead network soon and does without a cache it can't write."""
    from sklearn.datasets import fetch_openml

    usual_timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT)  # fetch_openml sets none, and would wait for ever
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")  # it tries again, or DataUnavailable says it
            for cache in (True, False):
                try:
                    return fetch_openml(
                        name, version=1, as_frame=False, data_home=home, cache=cache, n_retries=1, delay=0.5
                    )
                except NETWORK_ERRORS as error:
                    raise DataUnavailable(
                        f"{name}: not in the data home {home}, and OpenML can't be reached ({error}); "
                        "set SCIKIT_LEARN_DATA to a scikit-learn data home that has it, "
                        "or use --data digits or --data auto"
                    ) from error
                except OSError as error:
                    if not cache:
                        raise
                    warnings.warn(f"fetching without scikit-learn's cache: {error}", CacheWarning, stacklevel=2)
                except ValueError as error:
                    raise ValueError(f"data: {name!r} given; {error}") from error
    finally:
        socket.setdefaulttimeout(usual_timeout)
