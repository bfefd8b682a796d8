"""MNIST and similar data sets: fetched from OpenML once, cached as uint8 arrays, split into training and test set."""

import hashlib
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp.data.image_shape import image_shape
from mlp.data.openml import CacheWarning, DataUnavailable, fetch, write_file
from mlp.data.preprocessing import PREPROCESSES

# scikit-learn is imported where it is used: loading from the array cache saves its second and its 150 MB.

OPENML_NAMES = {"mnist": "mnist_784", "fashion": "Fashion-MNIST", "kmnist": "Kuzushiji-MNIST"}
NAMES = ("auto", "digits", *OPENML_NAMES)
# What the classes are called; those of other data sets are called by their numbers.
CLASS_NAMES = {
    "fashion": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "CIFAR_10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "kmnist": ("お o", "き ki", "す su", "つ tsu", "な na", "は ha", "ま ma", "や ya", "れ re", "を wo"),
}  # fmt: skip
SPLITS = ("canonical", "stratified")
TRAIN, ROWS = 60_000, 70_000  # of the canonical split
SIDE = 28  # of MNIST's images
DIGEST_BYTES = 32  # of a SHA-256
EXACT_SIDE = 256  # float32 has all sums of 255s over so large an image


class DataFallback(UserWarning):
    """The embedded digits replaced MNIST."""


@dataclass(frozen=True)
class Dataset:
    """Training and test images (n, pixels) uint8 in C order, and their labels (n,) uint8.

    Images of three channels have all pixels of the first, then of the second, then of the third.

    Attributes
    ----------
    name : str
        The requested name; for ``auto`` the data set that was loaded.
    digest : str
        SHA-256 over everything that determines the arrays: data sets with the same digest are the same.
    preprocess : str
        What was done to the images; see `mlp.data.preprocessing`.
    """

    name: str
    train_images: NDArray
    train_labels: NDArray
    test_images: NDArray
    test_labels: NDArray
    digest: str
    preprocess: str = "none"

    @property
    def classes(self) -> int:
        """Number of classes; labels count from 0."""
        return int(max(self.train_labels.max(), self.test_labels.max())) + 1

    @property
    def channels(self) -> int:
        """Of each image: 1 for grey, 3 for colour."""
        return image_shape(self.train_images.shape[1])[0]

    @property
    def side(self) -> int:
        """Side of the images in pixels."""
        return image_shape(self.train_images.shape[1])[1]


def class_name(data: str, label: int) -> str:
    """What a class is called in a data set, by its name here or at OpenML; in most sets, its number."""
    short = next((short for short, openml_name in OPENML_NAMES.items() if data == openml_name), data)
    return CLASS_NAMES[short][label] if short in CLASS_NAMES else str(label)


class Source(NamedTuple):
    """All rows of a data set, before the split: images (n, pixels) and labels (n,), both uint8."""

    images: NDArray
    labels: NDArray
    digest: str


def load(
    name: str,
    *,
    split: str = "canonical",
    rows: int | None = None,
    test_rows: int | None = None,
    side: int | None = None,
    preprocess: str = "none",
    seed: int = 0,
) -> Dataset:
    """Load a data set from scikit-learn's data home: the folder SCIKIT_LEARN_DATA, or ~/scikit_learn_data.

    Parameters
    ----------
    name : {"mnist", "fashion", "kmnist", "digits", "auto"} or an OpenML name
        That of any data set of square images of one or three channels, such as CIFAR_10. ``digits`` are scikit-learn's
        1,797 embedded digits, which need no download. ``auto`` is MNIST, or the digits, with a `DataFallback` warning,
        if OpenML can't be reached.
    split : {"canonical", "stratified"}
        The first 60,000 rows train and the last 10,000 test, or a random 6/7 and 1/7 of every class. The digits have
        no canonical split: they are always split at random, 80 % to 20 %.
    rows, test_rows : int, optional
        Keep only the first rows of the training and of the test set.
    side : int, optional
        Images are averaged by area to side x side pixels, each channel by itself. Default: they stay as they are.
    preprocess : {"none", "deskew"}
        Deskewing makes slanted digits upright, see `mlp.data.preprocessing.deskewed`; 70,000 images take about a
        second. Images in colour can't be deskewed.
    seed : int
        Of the random split.

    Raises
    ------
    DataUnavailable
        If OpenML can't be reached, and the data home doesn't have the data, or has them damaged.
    ValueError
        If an argument is out of range, or the data set does not consist of square images of one or three channels.

    Examples
    --------
    >>> from mlp import load
    >>> data = load("digits", rows=500)
    >>> data.train_images.shape, data.test_images.shape, data.classes
    ((500, 784), (359, 784), 10)
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ValueError(f"data: {name!r} given; allowed: {', '.join(NAMES)} or an OpenML name (letters, digits, _.-)")
    if split not in SPLITS:
        raise ValueError(f"split: {split!r} given; allowed: {', '.join(SPLITS)}")
    for field, number in (("rows", rows), ("test_rows", test_rows)):
        if number is not None and number < 1:
            raise ValueError(f"{field}: {number} given; allowed: 1 or more")
    if preprocess not in PREPROCESSES:
        raise ValueError(f"preprocess: {preprocess!r} given; allowed: {', '.join(PREPROCESSES)}")

    if name == "auto":
        try:
            name, source = "mnist", openml("mnist")
        except DataUnavailable as error:
            reason = str(error).partition("; ")[0]
            warnings.warn(f"{reason}: using the embedded digits instead", DataFallback, stacklevel=2)
            name, source = "digits", digits()
    else:
        source = digits() if name == "digits" else openml(name)
    channels, native, _ = image_shape(source.images.shape[1])
    side = native if side is None else side
    if not 1 <= side <= native:
        raise ValueError(f"side: {side} given; allowed: 1 to {native}")
    if channels > 1 and preprocess != "none":
        raise ValueError(f"preprocess: {preprocess!r} given; allowed: none, for images of {channels} channels")

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
    identity = f"{source.digest} {split} {len(train_labels)} {len(test_labels)} {side}"
    if preprocess != "none":  # as for settings with a default: older digests stay as they are
        identity += f" {preprocess}"
    prepared = PREPROCESSES[preprocess]
    return Dataset(
        name,
        prepared(resized(source.images[train][:rows], side)),
        train_labels,
        prepared(resized(source.images[test][:test_rows], side)),
        test_labels,
        hashlib.sha256(identity.encode()).hexdigest(),
        preprocess,
    )


def blocks(images: NDArray, rows: int = 10_000) -> list[NDArray]:
    """Views of consecutive rows, to keep temporary arrays smaller than the data set."""
    return [images[first : first + rows] for first in range(0, len(images), rows)]


def resized(images: NDArray, side: int) -> NDArray:
    """Square images (n, pixels) uint8 averaged by area, each channel by itself; uint8, with halves rounded to even.

    All sums are integers that the floats represent exactly: the result is the same on every machine.
    """
    channels, old, _ = image_shape(images.shape[1])
    if old == side:
        return images
    exact = np.float32 if old <= EXACT_SIDE else np.float64
    # On a line of old * side units, old pixels are `side` units long and new ones `old` units. Weights are overlaps.
    old_edge, new_edge = np.arange(old) * side, np.arange(side) * old
    overlap = np.minimum(old_edge[:, None] + side, new_edge + old) - np.maximum(old_edge[:, None], new_edge)
    weights = np.maximum(overlap, 0).astype(exact)
    new = np.empty((len(images), channels * side * side), np.uint8)
    for before, after in zip(blocks(images), blocks(new), strict=True):
        squares = before.reshape(-1, old, old).astype(exact)
        after[:] = np.rint(weights.T @ (squares @ weights) / exact(old * old)).reshape(after.shape)
    return new


def digits() -> Source:
    """scikit-learn's embedded 8x8 digits with pixels 0..16, as 28x28 images with pixels 0..255."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    enlarged = resized(np.rint(images * (255 / 16)).astype(np.uint8), SIDE)
    return unpacked(packed(enlarged, labels.astype(np.uint8)), SIDE * SIDE)


def is_cached(name: str) -> bool:
    """Whether a data set was loaded from OpenML before, so that it needs no network and no waiting."""
    return any(file.exists() for file in cache_files(data_home(), OPENML_NAMES.get(name, name)).values())


def data_home() -> Path:
    """The same folder as `sklearn.datasets.get_data_home`."""
    return Path(os.path.expanduser(os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data"))


def cache_file(home: Path, name: str, pixels: int) -> Path:
    """The array cache of a data set of OpenML: in a folder for its number of pixels, if that is not MNIST's."""
    folder = home / "mlp" if pixels == SIDE * SIDE else home / "mlp" / str(pixels)
    return folder / f"{name}.uint8"


def cache_files(home: Path, name: str) -> dict[int, Path]:
    """Where the array cache of a data set of OpenML may be, by the number of pixels."""
    folder = home / "mlp"
    others = [int(name) for name in os.listdir(folder) if name.isdecimal()] if os.path.isdir(folder) else []
    return {pixels: cache_file(home, name, pixels) for pixels in (SIDE * SIDE, *others)}


def openml(name: str) -> Source:
    """A data set from the array cache; otherwise from scikit-learn's cache or OpenML, and then cached."""
    home = data_home()
    name = OPENML_NAMES.get(name, name)
    for pixels, file in cache_files(home, name).items():
        if (stored := read_cache(file)) is not None:
            return unpacked(stored, pixels)
    images, labels = fetch(name, home)
    stored = packed(images, labels)
    try:
        write_file(cache_file(home, name, images.shape[1]), stored.data)
    except OSError as error:
        warnings.warn(
            f"the array cache can't be written, the next load will parse again: {error}", CacheWarning, stacklevel=2
        )
    return unpacked(stored, images.shape[1])


def packed(images: NDArray, labels: NDArray) -> NDArray:
    """Digest, labels and images as one vector of bytes: the content of a cache file."""
    body = np.concatenate([labels, images.ravel()])
    stored = np.concatenate([np.frombuffer(hashlib.sha256(body.data).digest(), np.uint8), body])
    stored.flags.writeable = False
    return stored


def unpacked(stored: NDArray, pixels: int) -> Source:
    """The inverse of `packed`, without a copy."""
    digest, body = stored[:DIGEST_BYTES], stored[DIGEST_BYTES:]
    n = len(body) // (1 + pixels)
    return Source(body[n:].reshape(n, pixels), body[:n], digest.tobytes().hex())


def read_cache(file: Path) -> NDArray | None:
    """A cache file as a read-only memory map; None if there is no such file or its digest is wrong."""
    try:
        # An empty file can't be mapped.
        stored = np.asarray(np.memmap(file, np.uint8, "r")) if file.stat().st_size else np.empty(0, np.uint8)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        warnings.warn(f"{file} can't be read ({error.strerror}): fetching again", CacheWarning, stacklevel=2)
        return None
    if hashlib.sha256(stored[DIGEST_BYTES:].data).digest() == stored[:DIGEST_BYTES].tobytes():
        return stored
    warnings.warn(f"{file} is damaged (wrong digest): fetching again", CacheWarning, stacklevel=2)
    return None
