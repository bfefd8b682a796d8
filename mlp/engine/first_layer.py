"""The first layer of many networks, which has most of the weights and takes most of the time.

All networks read the same images, so a *group* of networks is multiplied at once: BLAS is slow for the 16 columns of a
single network. The weights of a group stand side by side, with one row per input. BLAS multiplies the rows of busy
pixels, scipy.sparse the rows of rare ones. Both add the gradient straight into an array that exists, so the gradient
has no array of its own.

A network must get the same bits whatever other networks are in the stack. scipy.sparse computes each column on its own.
BLAS may sum in another order if a product is wider, and at the edges of a product. So all groups have the same number
of networks (`mlp.engine.cost.group_size`), with zeros in the place of those that the last group of a block lacks, and
margins of zeros. The tests check this with the BLAS in use.

`scipy.sparse._sparsetools` is private, but nothing public adds a sparse product into an existing array. If SciPy
removes `csr_matvecs` and `csc_matvecs`, use `z += csr_array(...) @ rare` and `rare += csr_array(...).T @ d` in
`Products`: they make one more array for each product, and round in another order.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import sgemm
from scipy.sparse import _sparsetools

from mlp.engine.pixels import Batch, whole_tiles

# OpenBLAS multiplies in tiles of 16 columns. Its code for the first 8, the last 8 and incomplete tiles differs.
TILE, MARGIN = 16, 8


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
        Cells per group.
    """

    blocks: tuple[int, ...]
    fan_out: int
    group: int

    @property
    def cells(self) -> int:
        """Cells of all blocks."""
        return sum(self.blocks)

    @property
    def groups(self) -> int:
        """Groups of all blocks."""
        return sum(self.groups_of(count) for count in self.blocks)

    def groups_of(self, cells: int) -> int:
        """Groups of a block."""
        return -(-cells // self.group)


class SideBySide:
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
    groups : (groups, rows, columns)
        Padded with zeros at both margins and after the last cell of each block. Groups of one cell need no padding and
        have none.
    """

    def __init__(self, grouping: Grouping, n: int, rows: int) -> None:
        cells, groups, fan_out, group = grouping.cells, grouping.groups, grouping.fan_out, grouping.group
        columns = group * fan_out
        padded = np.zeros((cells + group - 1, n, fan_out + 1), np.float32)
        self.whole = padded[:cells]
        self.whole[:, :, -1] = 1
        self.cells = self.whole[:, :, :-1]

        margin, tile = (MARGIN, TILE) if group > 1 else (0, 1)
        self.groups = np.zeros((groups, rows, -(-columns // tile) * tile + 2 * margin), np.float32)
        inner = self.groups[:, :n, margin : margin + columns]
        by_cell = inner.reshape(groups, n, group, fan_out).swapaxes(1, 2)

        # Views of the same cells in both forms. The last block is copied in one piece, with its padding.
        self._pairs, first_cell, first_group = [], 0, 0
        for place, count in enumerate(grouping.blocks, start=1):
            full = grouping.groups_of(count) if place == len(grouping.blocks) else count // group
            of_block, of_cells = by_cell[first_group:], padded[first_cell:, :, :-1]
            if full:
                shape = (full, group, n, fan_out + 1)
                in_groups = padded[first_cell : first_cell + full * group].reshape(shape)
                self._pairs.append((of_block[:full], in_groups[..., :-1]))
            if (rest := count - full * group) > 0:
                self._pairs.append((of_block[full, :rest], of_cells[full * group : count]))
            first_cell, first_group = first_cell + count, first_group + grouping.groups_of(count)

    def to_groups(self) -> None:
        """Copy the cells into the groups."""
        for groups, cells in self._pairs:
            np.copyto(groups, cells)

    def to_cells(self) -> None:
        """Copy the groups into the cells."""
        for groups, cells in self._pairs:
            np.copyto(cells, groups)


def pack_groups(weights: NDArray, grouping: Grouping) -> NDArray:
    """Weights (cells, inputs + 1, fan_out) in groups (groups, inputs + 1, columns)."""
    both = SideBySide(grouping, weights.shape[1], weights.shape[1])
    both.cells[...] = weights
    both.to_groups()
    return both.groups


def unpack_groups(groups: NDArray, grouping: Grouping) -> NDArray:
    """The inverse of `pack_groups`."""
    both = SideBySide(grouping, groups.shape[1], groups.shape[1])
    both.groups[...] = groups
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
    weights : (groups, inputs + 1, columns)
        From `pack_groups`.
    accumulators : (inputs + 1, columns) arrays
        For each group the array that its gradient is added to.

    Attributes
    ----------
    sums, slopes : SideBySide
        The weighted sums of the neurons, and the derivatives of the cost by them.
    """

    def __init__(
        self, grouping: Grouping, n: int, dense: int, weights: NDArray, accumulators: Iterable[NDArray]
    ) -> None:
        self.sums, self.slopes = (SideBySide(grouping, n, whole_tiles(n)) for _ in range(2))
        self._n, self._rare, self._columns = n, weights.shape[1] - dense, weights.shape[2]
        self._up = [
            (w[:dense], w[dense:].ravel(), z, z.ravel()) for w, z in zip(weights, self.sums.groups, strict=True)
        ]
        # Transposed, because BLAS expects columns to be contiguous.
        self._down = [
            (d[:n].T, d.ravel(), w[:dense].T, w[dense:].ravel())
            for w, d in zip(accumulators, self.slopes.groups, strict=True)
        ]

    def add_up(self, batches: list[Batch]) -> None:
        """Write inputs times weights into the groups of `sums`, with one batch per group."""
        for (dense, rare, z, flat_z), batch in zip(self._up, batches, strict=True):
            np.matmul(batch.dense, dense, out=z)
            _sparsetools.csr_matvecs(
                self._n, self._rare, self._columns, batch.row_starts, batch.columns, batch.values, rare, flat_z
            )

    def add_slopes(self, batches: list[Batch]) -> None:
        """Add inputs^T times the groups of `slopes` to the accumulators, with one batch per group."""
        for (d, flat_d, dense, rare), batch in zip(self._down, batches, strict=True):
            # dense <- 1 d x^T + 1 dense, in place
            sgemm(1, d, batch.dense[: self._n].T, 1, dense, 0, 1, 1)
            # The images' rows in CSR form are the columns of their transpose in CSC form.
            _sparsetools.csc_matvecs(
                self._rare, self._n, self._columns, batch.row_starts, batch.columns, batch.values, flat_d, rare
            )
