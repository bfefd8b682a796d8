"""The first layer of many networks: most of the weights, and most of the time.

All networks read the same images, so a *group* of networks multiplies them at once: BLAS is slow for the 16 columns of
one. The weights of a group stand side by side, one row an input. Rows of busy pixels are multiplied by BLAS, rows of
rare ones by scipy.sparse; both add the gradient straight into the weights, so there is no array of the gradient.

A network's weights must be the same bits whatever networks stand beside it. scipy.sparse computes each column alone.
BLAS may add in another order when a product is wider, and at its edges; so every group has the same number of networks
(`group_size`; the last is filled up with zeros) between margins of zeros. Tests hold this against the BLAS in use.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import sgemm
from scipy.sparse import _sparsetools  # private, but the only sparse products that add into an array that is there

from mlp.pixels import Batch, whole_tiles

GROUP_COLUMNS = 256  # with more, the last group wastes more than wider products gain
# OpenBLAS multiplies in tiles of 16 columns; it treats the first and the last 8, and what is left over, in other ways.
TILE, MARGIN = 16, 8


def group_size(fan_out: int) -> int:
    """How many networks share one product of the first layer: as many as fit into 256 columns, at least one."""
    return max(GROUP_COLUMNS // fan_out, 1)


@dataclass(frozen=True)
class Grouping:
    """How many cells stand side by side, and how many neurons each has."""

    cells: int
    fan_out: int
    group: int


class SideBySide:
    """An array (cells, n, fan_out), and the same in groups.

    Attributes
    ----------
    cells : (cells, n, fan_out)
    whole : (cells, n, fan_out + 1)
        Of which that is a view, with a column of ones more: they make the next layer's biases rows of its weights.
    groups : (groups, rows, columns)
        With zeros around the cells and after the last. A group of one has no neighbours, and no zeros. There may be
        more than n rows; the others mean nothing.
    """

    def __init__(self, grouping: Grouping, n: int, rows: int) -> None:
        cells, fan_out, group = grouping.cells, grouping.fan_out, grouping.group
        groups, columns = -(-cells // group), group * fan_out
        filled_up = np.zeros((groups * group, n, fan_out + 1), np.float32)
        self.whole = filled_up[:cells]
        self.whole[:, :, -1] = 1
        self.cells = self.whole[:, :, :-1]

        margin, tile = (MARGIN, TILE) if group > 1 else (0, 1)
        self.groups = np.zeros((groups, rows, -(-columns // tile) * tile + 2 * margin), np.float32)
        inner = self.groups[:, :n, margin : margin + columns]
        self._by_cell = inner.reshape(groups, n, group, fan_out).swapaxes(1, 2)
        self._filled_up = filled_up.reshape(groups, group, n, fan_out + 1)[..., :-1]

    def to_groups(self) -> None:
        """Copy the cells into the groups."""
        np.copyto(self._by_cell, self._filled_up)

    def to_cells(self) -> None:
        """Copy the groups into the cells."""
        np.copyto(self._filled_up, self._by_cell)


def hold(weights: NDArray, grouping: Grouping) -> NDArray:
    """Weights (cells, inputs + 1, fan_out) in groups (groups, inputs + 1, columns)."""
    both = SideBySide(grouping, weights.shape[1], weights.shape[1])
    both.cells[...] = weights
    both.to_groups()
    return both.groups


def held(groups: NDArray, grouping: Grouping) -> NDArray:
    """The inverse of `hold`."""
    both = SideBySide(grouping, groups.shape[1], groups.shape[1])
    both.groups[...] = groups
    both.to_cells()
    return both.cells


class Products:
    """The first layer's products for mini-batches of n images, in arrays and views that are made once.

    Parameters
    ----------
    weights : (groups, inputs + 1, columns)
        As of `hold`; the first `dense` rows belong to the dense part of a batch.
    target : array like that
        What the gradient is added to.

    Attributes
    ----------
    sums, slopes : SideBySide
        The neurons' weighted sums, and the slopes of the cost by them.
    """

    def __init__(self, grouping: Grouping, n: int, dense: int, weights: NDArray, target: NDArray) -> None:
        self.sums, self.slopes = (SideBySide(grouping, n, whole_tiles(n)) for _ in range(2))
        self._n, self._rare, self._columns = n, weights.shape[1] - dense, weights.shape[2]
        self._up = [
            (w[:dense], w[dense:].ravel(), z, z.ravel()) for w, z in zip(weights, self.sums.groups, strict=True)
        ]
        # Transposed, for BLAS counts by columns.
        self._down = [
            (d[:n].T, d.ravel(), w[:dense].T, w[dense:].ravel())
            for w, d in zip(target, self.slopes.groups, strict=True)
        ]

    def add_up(self, batches: list[Batch]) -> None:
        """Let the groups of `sums` be inputs times weights, with one batch a group."""
        for (dense, rare, z, flat_z), batch in zip(self._up, batches, strict=True):
            np.matmul(batch.dense, dense, out=z)
            _sparsetools.csr_matvecs(
                self._n, self._rare, self._columns, batch.row_starts, batch.columns, batch.values, rare, flat_z
            )

    def add_slopes(self, batches: list[Batch]) -> None:
        """Add inputs^T times the groups of `slopes` to the target, with one batch a group."""
        for (d, flat_d, dense, rare), batch in zip(self._down, batches, strict=True):
            # dense <- 1 d x^T + 1 dense, in place
            sgemm(1, d, batch.dense[: self._n].T, 1, dense, 0, 1, 1)
            # The rows of the images are the columns of their transpose.
            _sparsetools.csc_matvecs(
                self._rare, self._n, self._columns, batch.row_starts, batch.columns, batch.values, flat_d, rare
            )
