"""Images as the first layer of a stack reads them: busy pixels as a dense array, rare ones as the few that are lit.

A fifth of MNIST's pixels are lit, and mostly the same ones: 256 in the middle hold seven eighths of the light. There a
dense product pays; further out it would multiply zeros. A sparse product skips them but takes five times as long for
each of the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mlp.descent import Descent, scale_of

BUSY_SHARE = 0.25  # of the images in which a pixel is lit: from there on, the dense product is the faster one
CHUNK_ROWS = 512  # images that are gathered from the data set at once, to be cut into mini-batches
ROW_TILE = 4  # BLAS multiplies so many rows at once: twelve rows take less time than ten


class Batch(NamedTuple):
    """Some images: their busy pixels as a dense array, the others (n, rare) in CSR form.

    Attributes
    ----------
    n : int
        Images.
    dense : (n or a few more, busy + 1) float32
        The last column is of ones. Rows beyond n mean nothing.
    row_starts, columns, values
        Where each image's rare pixels begin, their numbers, and how bright they are.
    """

    n: int
    dense: NDArray
    row_starts: NDArray
    columns: NDArray
    values: NDArray


# Row numbers of some images, and the mini-batches made of them. One stands in a buffer that the next overwrites.
Chunk = tuple[NDArray, Iterator[Batch]]


@dataclass(frozen=True)
class Layout:
    """Which pixels are busy.

    Attributes
    ----------
    busy, rare : pixel numbers; together all of them
    mean : (busy,) float32
        What is subtracted from the busy pixels: 0 but for `Descent.center`.
    """

    busy: NDArray
    rare: NDArray
    mean: NDArray

    @property
    def order(self) -> NDArray:
        """Rows of the first layer's weights as the engine holds them: busy pixels, the bias, rare pixels."""
        return np.concatenate([self.busy, [self.busy.size + self.rare.size], self.rare])


def layout_of(images: NDArray, center: bool) -> Layout:
    """Choose the busy pixels of a training set (n, pixels).

    With `center` all pixels are busy but those whose mean is 0, for nowhere else is 0 still 0.
    """
    mean = np.zeros(images.shape[1], np.float32)
    if center:
        mean = (images.mean(axis=0, dtype=np.float64) * scale_of(images)).astype(np.float32)
    busy = (np.count_nonzero(images, axis=0) > BUSY_SHARE * len(images)) | (mean != 0)
    return Layout(np.flatnonzero(busy), np.flatnonzero(~busy), mean[busy])


def whole_tiles(n: int) -> int:
    """n, rounded up to whole tiles of rows."""
    return -(-n // ROW_TILE) * ROW_TILE


def moved(images: NDArray, offsets: NDArray, furthest: int) -> NDArray:
    """Square images (n, pixels), each moved by its own of offsets (2, n) as `mlp.descent.shifted` does it."""
    n, side = len(images), round(images.shape[1] ** 0.5)
    width = side + 2 * furthest
    padded = np.zeros((n, width, width), images.dtype)
    padded[:, furthest : furthest + side, furthest : furthest + side] = images.reshape(n, side, side)
    rows, columns = np.divmod(np.arange(side * side), side)
    corners = np.arange(n) * width**2 + offsets[0] * width + offsets[1]
    return np.take(padded, corners[:, np.newaxis] + rows * width + columns)


class Images:
    """Images (n, pixels), split into busy and rare pixels, and read a mini-batch at a time."""

    def __init__(self, images: NDArray, layout: Layout) -> None:
        self.images, self.layout, self.scale = images, layout, scale_of(images)
        self.centered = bool(layout.mean.any())
        self.busy, self.rare = self.split(images)

    def split(self, images: NDArray) -> tuple[NDArray, csr_array]:
        return np.take(images, self.layout.busy, axis=1), csr_array(np.take(images, self.layout.rare, axis=1))

    def in_order(self, batch_size: int, rows: int) -> Iterator[Chunk]:
        """The first images as they stand."""
        return self.read(np.arange(rows), batch_size)

    def mini_batches(self, descent: Descent, rng: Generator) -> Iterator[Chunk]:
        """One epoch's mini-batches, the same as `mlp.descent.train` draws from this generator."""
        return self.read(rng.permutation(len(self.images)), descent.batch_size, descent.shift, rng)

    def read(self, order: NDArray, batch_size: int, shift: int = 0, rng: Generator | None = None) -> Iterator[Chunk]:
        buffer = np.ones((whole_tiles(batch_size), self.layout.busy.size + 1), np.float32)
        chunk_rows = max(CHUNK_ROWS // batch_size, 1) * batch_size
        for begin in range(0, len(order), chunk_rows):
            rows = order[begin : begin + chunk_rows]
            if shift and rng:
                sizes = [len(rows[first : first + batch_size]) for first in range(0, len(rows), batch_size)]
                offsets = [rng.integers(0, 2 * shift + 1, (2, size)) for size in sizes]
                busy, rare = self.split(moved(self.images[rows], np.concatenate(offsets, axis=1), shift))
            else:
                busy, rare = self.busy[rows], self.rare[rows]
            yield rows, self.cut(busy, rare, batch_size, buffer)

    def cut(self, busy: NDArray, rare: csr_array, batch_size: int, buffer: NDArray) -> Iterator[Batch]:
        """Cut a chunk into mini-batches, and scale it."""
        values = rare.data * self.scale
        for first in range(0, len(busy), batch_size):
            some = busy[first : first + batch_size]
            n = len(some)
            pixels = buffer[:n, :-1]
            np.multiply(some, self.scale, out=pixels)
            if self.centered:
                pixels -= self.layout.mean
            yield Batch(n, buffer[: whole_tiles(n)], rare.indptr[first : first + n + 1], rare.indices, values)
