"""The first layer of many networks, which has most of the weights and takes most of the time.

All networks read the same images, so a *group* of networks is multiplied at once: BLAS is slow for the 16 columns of a
single network. The weights of a group stand side by side, with one row per input. BLAS multiplies the rows of busy
pixels, scipy.sparse the rows of rare ones. Both add the gradient straight into an array that exists, so the gradient
has no array of its own.

A network must get the same bits whatever other networks are in the stack. scipy.sparse computes each column on its own.
BLAS may sum in another order at the edges of a product, so a group has margins of zeros; and if a long product is
wider. So groups have the same number of networks (`mlp.engine.cost.group_size`), and the last one of a block has fewer
columns only where sums are short (`MAX_SUM`); else zeros take the place of the networks that it lacks. The tests
check this with the BLAS in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import sgemm

from mlp._internals.sparse import csc_matvecs, csr_matvecs
from mlp.engine.pixels import Batch, whole_tiles

# OpenBLAS multiplies in tiles of 16 columns. Its code for the first 8, the last 8 and incomplete tiles differs.
TILE, MARGIN = 16, 8
# With AVX-512, OpenBLAS adds up long sums otherwise in small products than in large ones: 300 terms gave the same bits,
# 500 did not. With the other kernels they are always the same.
MAX_SUM = 320


@dataclass(frozen=True)
class Grouping:
    """How cells are divided into groups.

    Attributes
    ----------
    blocks : tuple of int
        Cells of each block of the stack, one block after the other. Each block has groups of its own, because its
        gradient is added to other arrays: see `mlp.engine.blocks`.
    fan_out : int
        Neurons of the first layer of each cell.
    group : int
        Cells per group, except the last of a block.
    narrow : bool
        Whether the last group of a block has only the columns that its cells need.
    """

    blocks: tuple[int, ...]
    fan_out: int
    group: int
    narrow: bool

    @property
    def cells(self) -> int:
        """Cells of all blocks."""
        return sum(self.blocks)

    @property
    def margin(self) -> int:
        """Columns of zeros at both sides of a group; groups of one cell need none."""
        return MARGIN if self.group > 1 else 0

    def columns(self, cells: int) -> int:
        """Columns of a group with so many cells: whole tiles and the margins."""
        tile = TILE if self.group > 1 else 1
        return -(-cells * self.fan_out // tile) * tile + 2 * self.margin

    @property
    def runs(self) -> list[tuple[int, int, int]]:
        """Groups of equal size that follow each other: how many, and the cells and columns of each."""
        runs = []
        for count in self.blocks:
            full, rest = divmod(count, self.group)
            if full:
                runs.append((full, self.group, self.columns(self.group)))
            if rest:
                runs.append((1, rest, self.columns(rest if self.narrow else self.group)))
        return runs


class GroupedColumns:
    """The same values as one array per cell and as one array per group, with copies between the two.

    Parameters
    ----------
    grouping : Grouping
    n : int
        Rows of each cell.
    rows : int
        Rows of the groups, at least n. The rows after the n-th have no meaning.

    Attributes
    ----------
    whole : (cells, n, fan_out + 1)
        The last column is of ones: it makes the next layer's biases a row of its weights.
    cells : (cells, n, fan_out)
        A view of `whole` without that column.
    runs : list of (groups, rows, columns) arrays
        For each of `Grouping.runs`, with zeros in the columns that belong to no cell.
    groups : list of (rows, columns) arrays
        Views of the runs.
    """

    def __init__(self, grouping: Grouping, n: int, rows: int) -> None:
        fan_out, margin = grouping.fan_out, grouping.margin
        self.whole = np.ones((grouping.cells, n, fan_out + 1), np.float32)
        self.cells = self.whole[:, :, :-1]
        self.runs, self._pairs, first = [], [], 0
        for groups, size, columns in grouping.runs:
            run = np.zeros((groups, rows, columns), np.float32)
            inner = run[:, :n, margin : margin + size * fan_out]
            cells = self.cells[first : first + groups * size]
            # Views of the same cells in both forms.
            pair = inner.reshape(groups, n, size, fan_out).swapaxes(1, 2), cells.reshape(groups, size, n, fan_out)
            self.runs.append(run)
            self._pairs.append(pair)
            first += groups * size
        self.groups = [group for run in self.runs for group in run]

    def to_groups(self) -> None:
        """Copy the cells into the groups."""
        for groups, cells in self._pairs:
            np.copyto(groups, cells)

    def to_cells(self) -> None:
        """Copy the groups into the cells."""
        for groups, cells in self._pairs:
            np.copyto(cells, groups)


def pack_groups(weights: NDArray, grouping: Grouping) -> list[NDArray]:
    """Weights (cells, inputs + 1, fan_out) in groups: arrays (groups, inputs + 1, columns), see `Grouping.runs`."""
    both = GroupedColumns(grouping, weights.shape[1], weights.shape[1])
    both.cells[...] = weights
    both.to_groups()
    return both.runs


def unpack_groups(runs: Sequence[NDArray], grouping: Grouping) -> NDArray:
    """The inverse of `pack_groups`."""
    both = GroupedColumns(grouping, runs[0].shape[1], runs[0].shape[1])
    for run, other in zip(both.runs, runs, strict=True):
        run[...] = other
    both.to_cells()
    return both.cells


class Products:
    """The products of the first layer for mini-batches of n images, with all arrays and views made once.

    Parameters
    ----------
    grouping : Grouping
    n : int
        Images of a mini-batch.
    dense : int
        Columns of the dense part of a batch; as many rows of the weights, the first, belong to them.
    weights, accumulators : lists of (inputs + 1, columns) arrays
        For each group its weights, and the array that its gradient is added to.

    Attributes
    ----------
    sums, delta : GroupedColumns
        The weighted sums of the neurons, and the derivatives of the cost with respect to them.
    """

    def __init__(
        self, grouping: Grouping, n: int, dense: int, weights: Sequence[NDArray], accumulators: Sequence[NDArray]
    ) -> None:
        self.sums, self.delta = (GroupedColumns(grouping, n, whole_tiles(n)) for _ in range(2))
        self._n, self._rare = n, len(weights[0]) - dense
        self._up = [
            (w.shape[1], w[:dense], w[dense:].ravel(), z, z.ravel())
            for w, z in zip(weights, self.sums.groups, strict=True)
        ]
        # Transposed, because BLAS expects columns to be contiguous.
        self._down = [
            (w.shape[1], d[:n].T, d.ravel(), w[:dense].T, w[dense:].ravel())
            for w, d in zip(accumulators, self.delta.groups, strict=True)
        ]

    def add_up(self, batches: list[Batch]) -> None:
        """Write inputs times weights into the groups of `sums`, with one batch per group."""
        for (columns, dense, rare, z, flat_z), batch in zip(self._up, batches, strict=True):
            np.matmul(batch.dense, dense, out=z)
            csr_matvecs(self._n, self._rare, columns, batch.row_starts, batch.columns, batch.values, rare, flat_z)

    def add_gradient(self, batches: list[Batch]) -> None:
        """Add inputs^T times the groups of `delta` to the accumulators, with one batch per group."""
        for (columns, d, flat_d, dense, rare), batch in zip(self._down, batches, strict=True):
            # dense <- 1 d x^T + 1 dense, in place
            sgemm(1, d, batch.dense[: self._n].T, 1, dense, 0, 1, 1)
            # The images' rows in CSR form are the columns of their transpose in CSC form.
            csc_matvecs(self._rare, self._n, columns, batch.row_starts, batch.columns, batch.values, flat_d, rare)
