"""Images as the first layer of a stack reads them: busy pixels in a dense array, rare pixels in a sparse one.

A fifth of MNIST's pixels are not 0, and these are mostly the same ones: 256 pixels in the middle hold seven eighths of
the brightness. There a dense product is faster. Further out it would mostly multiply zeros. A sparse product skips the
zeros, but takes five times as long for each of the other pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from mlp.data.image_shape import image_shape
from mlp.nn.descent import Descent, mean_input, scale_of

BUSY_SHARE = 0.25  # above 0 in this share of the images, a pixel is faster in the dense product
CHUNK_ROWS = 512  # images gathered from the data set at once, and then cut into mini-batches
ROW_TILE = 4  # rows that BLAS multiplies at once: twelve rows take less time than ten


class Batch(NamedTuple):
    """Some images: their busy pixels as a dense array, the others (n, rare) in CSR form.

    Attributes
    ----------
    n : int
        Number of images.
    dense : (rows, busy + 1) float32
        The last column is of ones. There are whole tiles of rows; those after the n-th have no meaning.
    row_starts : (n + 1,) int
        Where the rare pixels of each image begin in `columns` and `values`.
    columns : int array
        Numbers of the rare pixels that are not 0, image by image.
    values : float32 array
        Their brightness.
    """

    n: int
    dense: NDArray
    row_starts: NDArray
    columns: NDArray
    values: NDArray


Pixels: TypeAlias = Any  # images (n, pixels): an array, or a sparse matrix in CSR form

# Row numbers of some images, and the mini-batches made of them. Each mini-batch overwrites the one before it.
Chunk = tuple[NDArray, Iterator[Batch]]


@dataclass(frozen=True)
class Layout:
    """Which pixels are busy and which are rare.

    Attributes
    ----------
    busy, rare : int arrays
        Pixel numbers; each pixel is in one of the two.
    mean : (busy,) float32
        Subtracted from the busy pixels: the mean image with `Descent.center`, else 0.
    """

    busy: NDArray
    rare: NDArray
    mean: NDArray

    @property
    def order(self) -> NDArray:
        """Order of the rows of the first layer's weights in the engine: busy pixels, the bias, rare pixels."""
        return np.concatenate([self.busy, [self.busy.size + self.rare.size], self.rare])


def layout_of(images: Pixels, center: bool) -> Layout:
    """Choose the busy pixels of a training set (n, pixels).

    With `center`, every pixel with a mean above 0 is busy: when the mean is subtracted, its zeros are no longer zeros.
    """
    mean = mean_input(images) if center else np.zeros(images.shape[1], np.float32)
    bright = images.count_nonzero(axis=0) if issparse(images) else np.count_nonzero(images, axis=0)
    busy = (bright > BUSY_SHARE * images.shape[0]) | (mean != 0)
    return Layout(np.flatnonzero(busy), np.flatnonzero(~busy), mean[busy])


def whole_tiles(n: int) -> int:
    """n, rounded up to whole tiles of rows."""
    return -(-n // ROW_TILE) * ROW_TILE


def moved(images: NDArray, offsets: NDArray, furthest: int) -> NDArray:
    """Shift square images (n, pixels), each by its own of the offsets (2, n), as `mlp.nn.descent.shifted` does."""
    n, (channels, side, _) = len(images), image_shape(images.shape[1])
    width = side + 2 * furthest
    padded = np.zeros((n * channels, width, width), images.dtype)
    padded[:, furthest : furthest + side, furthest : furthest + side] = images.reshape(-1, side, side)
    rows, columns = np.divmod(np.arange(side * side), side)
    corners = np.arange(n * channels) * width**2 + (offsets[0] * width + offsets[1]).repeat(channels)
    return np.take(padded, corners[:, np.newaxis] + rows * width + columns).reshape(n, -1)


class Images:
    """Images (n, pixels), split into busy and rare pixels, and read one mini-batch at a time.

    Parameters
    ----------
    images : (n, pixels) uint8 or float32, dense or in CSR form
        uint8 pixels are scaled to [0, 1] as they are read. Only dense images can be shifted.
    layout : Layout
        Of the training set, for the images of the test set too.
    """

    def __init__(self, images: Pixels, layout: Layout) -> None:
        self.images, self.layout, self.scale = images, layout, scale_of(images)
        self.centered = bool(layout.mean.any())
        self.busy, self.rare = self.split(images)

    def split(self, images: Pixels) -> tuple[NDArray, csr_array]:
        """The busy pixels (n, busy) and the rare pixels (n, rare) of some images."""
        if issparse(images):
            return images[:, self.layout.busy].toarray(), csr_array(images[:, self.layout.rare])
        return np.take(images, self.layout.busy, axis=1), csr_array(np.take(images, self.layout.rare, axis=1))

    def in_order(self, batch_size: int, rows: int) -> Iterator[Chunk]:
        """The first images, in their own order."""
        return self.read(np.arange(rows), batch_size)

    def mini_batches(self, descent: Descent, rng: Generator) -> Iterator[Chunk]:
        """The mini-batches of one epoch, the same that `mlp.nn.descent.train` draws from this generator."""
        return self.read(rng.permutation(self.images.shape[0]), descent.batch_size, descent.shift, rng)

    def read(self, order: NDArray, batch_size: int, shift: int = 0, rng: Generator | None = None) -> Iterator[Chunk]:
        """Images in a given order of rows, shifted by up to `shift` pixels, a chunk at a time."""
        batch_size = min(batch_size, len(order))
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
        """Cut a chunk into mini-batches, and scale its pixels."""
        values = rare.data * self.scale
        for first in range(0, len(busy), batch_size):
            some = busy[first : first + batch_size]
            n = len(some)
            pixels = buffer[:n, :-1]
            np.multiply(some, self.scale, out=pixels)
            if self.centered:
                pixels -= self.layout.mean
            yield Batch(n, buffer[: whole_tiles(n)], rare.indptr[first : first + n + 1], rare.indices, values)
