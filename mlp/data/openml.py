"""Data sets of square images from OpenML, or from scikit-learn's cache of it in the data home."""

import shutil
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.error import URLError
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from mlp.data.image_shape import image_shape

if TYPE_CHECKING:
    from sklearn.utils import Bunch

# scikit-learn is imported where it is used: loading from the array cache saves its second and its 150 MB.

SMALLEST_SIDE = 8  # tables of 16 columns are hardly images
FEW_LEVELS = 128  # images that are nowhere as bright as this have other levels than 0 to 255
NETWORK_ERRORS = (URLError, ConnectionError, TimeoutError, HTTPException)
NETWORK_TIMEOUT = 20.0  # seconds


class DataUnavailable(ConnectionError):
    """OpenML can't be reached, and the data home doesn't have the data, or has them damaged."""


class CacheWarning(UserWarning):
    """A cache is damaged or can't be written. The result is the same, but takes longer."""


def fetch(name: str, home: Path) -> tuple[NDArray, NDArray]:
    """Images (n, pixels) and labels (n,) as uint8, from scikit-learn's cache or OpenML.

    Levels from 0 to 1 or to 16, as some sets have them, are scaled to 0 to 255.

    Raises
    ------
    DataUnavailable
    ValueError
        If there is no such data set, or it does not consist of square images of one or three channels.
    """
    table = fetch_table(name, home)
    pixels, target = table.data, table.target
    refusal = (
        f"data: {name!r} given; allowed: square images of {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels or more and 1 or 3 "
        "channels, a dense table of their pixels, whole numbers from 0 to 255, and a label from 0 to 255"
    )
    if not isinstance(pixels, np.ndarray) or target is None:
        raise ValueError(refusal)
    try:
        _, side, _ = image_shape(pixels.shape[1])
        numbers = target.astype(np.float64)  # OpenML's labels are strings
        with np.errstate(invalid="ignore"):
            images, labels = pixels.astype(np.uint8), numbers.astype(np.uint8)
    except ValueError as error:
        raise ValueError(refusal) from error
    whole = np.array_equal(images, pixels) and np.array_equal(labels, numbers)
    if not (whole and labels.ndim == 1 and side >= SMALLEST_SIDE):
        raise ValueError(refusal)
    if 0 < (brightest := int(images.max())) < FEW_LEVELS:
        images = np.rint(images * np.float32(255 / brightest)).astype(np.uint8)
    return images, labels


def fetch_table(name: str, home: Path) -> "Bunch":
    """scikit-learn's fetch_openml with a network timeout, on a data home whose files it can't delete."""
    from sklearn.datasets import fetch_openml

    usual_timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT)  # fetch_openml sets none and could wait forever
    try:
        with links_to(home / "openml") as (folder, links), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")  # DataUnavailable reports it
            warnings.filterwarnings("ignore", "Invalid cache")  # reported by keep_downloads
            try:
                table = fetch_openml(name, version=1, as_frame=False, data_home=folder, n_retries=1, delay=0.5)
            except NETWORK_ERRORS as error:
                damaged = [file for link, file in links.items() if not is_untouched(link, file)]
                problem = f"{damaged[0]} is damaged" if damaged else f"{name} is not in the data home {home}"
                raise DataUnavailable(
                    f"{problem}, and OpenML can't be reached ({error}); set SCIKIT_LEARN_DATA to a scikit-learn data "
                    "home that has it, or use --data digits or --data auto"
                ) from error
            except OSError:
                raise
            except Exception as error:  # what OpenML refuses, and what scikit-learn raises for files that make no sense
                raise ValueError(f"data: {name!r} given; {error or type(error).__name__}") from error
            keep_downloads(folder / "openml", home / "openml", links)
            return table
    finally:
        socket.setdefaulttimeout(usual_timeout)


@contextmanager
def links_to(cache: Path) -> Iterator[tuple[Path, dict[Path, Path]]]:
    """A temporary data home with links to the files of scikit-learn's cache, and the file of each link.

    scikit-learn deletes a cached file that it can't parse: here it deletes the link.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):  # a cache that is not there yet is empty
            cache.stat()  # since Python 3.13 `rglob` is silent about what can't be a folder
        files = list(cache.rglob("*.gz"))
    except OSError as error:
        raise ValueError(f"data home: {cache.parent} given ({error.strerror}); allowed: a folder") from None
    with TemporaryDirectory() as folder:
        links = {Path(folder, cache.name, file.relative_to(cache)): file.absolute() for file in files}
        for link, file in links.items():
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                link.symlink_to(file)
            except OSError:  # Windows may forbid links
                shutil.copy2(file, link)
        yield Path(folder), links


def is_untouched(link: Path, file: Path) -> bool:
    """Whether scikit-learn has neither deleted a link nor replaced it by a download."""
    return link.exists() and link.stat().st_mtime_ns == file.stat().st_mtime_ns


def keep_downloads(downloads: Path, cache: Path, links: dict[Path, Path]) -> None:
    """Copy what was downloaded into scikit-learn's cache, in place of damaged files."""
    try:
        for download in downloads.rglob("*.gz"):
            file = links.get(download)
            if file is None or not is_untouched(download, file):
                write_file(cache / download.relative_to(downloads), download.read_bytes())
                if file:
                    warnings.warn(f"{file} was damaged: fetched again", CacheWarning, stacklevel=2)
    except OSError as error:
        warnings.warn(f"scikit-learn's cache can't be written: {error}", CacheWarning, stacklevel=2)


def write_file(file: Path, content: bytes | memoryview) -> None:
    """Write a file atomically: concurrent readers see the old or the new content."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{uuid4().hex}")
    try:
        temporary.write_bytes(content)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
