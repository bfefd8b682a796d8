"""Blocks of a stack: cells that one step rule moves.

Rate, momentum and weight decay may differ between the cells of a block: the rule multiplies by an array instead of a
number, and every cell gets the bits that it gets alone. Plain descent and momentum are two blocks: the first adds the
gradient to the weights and the second to a velocity, which rounds differently, so momentum 0 is no plain descent.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mlp.engine.first_layer import Grouping, pack_groups, unpack_groups
from mlp.nn.descent import Descent
from mlp.nn.steps import Values


def rule_type(descent: Descent) -> type:
    """The class of the step rule: one for each block."""
    return type(descent.step_rule([]))


def by_block(descents: Sequence[Descent]) -> NDArray:
    """Numbers of the cells (cells,), in an order in which the cells of a block are neighbours."""
    return np.array(sorted(range(len(descents)), key=lambda cell: rule_type(descents[cell]).__name__), dtype=int)


def per_cell(numbers: Sequence[float]) -> Values:
    """A number for each cell, as one number if they are equal."""
    return float(numbers[0]) if len(set(numbers)) == 1 else np.array(numbers)


class Block:
    """Neighbouring cells with the same kind of step rule.

    Parameters
    ----------
    descents : list of Descent
        One per cell.
    first : (cells, inputs + 1, fan_out)
        Weights of the first layer, in the engine's order of rows.
    deeper : list of (cells, fan_in + 1, fan_out) arrays
    grouping : Grouping
        Of this block.

    Attributes
    ----------
    rule : GradientDescent
        Its parameters are the deeper layers, and then the first one in groups, see `pack_groups`.
    """

    def __init__(self, descents: list[Descent], first: NDArray, deeper: list[NDArray], grouping: Grouping) -> None:
        self.descents, self.grouping, self.deeper = descents, grouping, len(deeper)
        self.rule = descents[0].step_rule([*deeper, *pack_groups(first, grouping)])
        self.configure()

    def configure(self) -> None:
        """Give the rule the momentum and the weight decay of every cell."""
        count, fan_out = self.grouping.cells, self.grouping.fan_out
        numbers = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 1, fan_out))
        # The cell of each column; padded columns hold zeros, whatever they are multiplied by.
        self.cells_of_columns = [run.astype(int) for run in pack_groups(numbers, self.grouping)]
        momentum, decay = ([getattr(each, name) for each in self.descents] for name in ("momentum", "weight_decay"))
        self.rule.configure(per_cell(momentum), per_cell(decay), self.spread)

    def spread(self, values: NDArray) -> list[NDArray]:
        """Values (cells,) as arrays that broadcast to the parameters."""
        values = values.astype(np.float32)
        return [*[values[:, None, None]] * self.deeper, *(values[cells] for cells in self.cells_of_columns)]

    def begin(self, epoch: int) -> None:
        """Set the learning rates of an epoch, counted from 0."""
        self.rule.set_rate(per_cell([descent.rate(epoch) for descent in self.descents]))

    def factors(self) -> NDArray:
        """What the gradient of each cell (cells,) is multiplied by before it is accumulated."""
        return np.broadcast_to(np.asarray(self.rule.factor, np.float64), self.grouping.cells)

    def keep(self, cells: NDArray) -> None:
        """Remove all cells but these."""
        before, self.grouping = self.grouping, replace(self.grouping, blocks=(len(cells),))

        def kept(arrays: list[NDArray]) -> list[NDArray]:
            deeper, runs = arrays[: self.deeper], arrays[self.deeper :]
            first = unpack_groups(runs, before)[cells]
            return [*(array[cells] for array in deeper), *pack_groups(first, self.grouping)]

        self.rule.transform(kept)
        self.descents = [self.descents[cell] for cell in cells]
        self.configure()


def blocks_of(
    descents: Sequence[Descent], first: NDArray, deeper: list[NDArray], group: int, narrow: bool
) -> list[Block]:
    """Divide cells into blocks; see `Block` and, for the last two arguments, `Grouping`."""
    blocks, start = [], 0
    for _, members in groupby(descents, rule_type):
        of_block = list(members)
        cells = slice(start, start + len(of_block))
        grouping = Grouping((len(of_block),), first.shape[2], group, narrow)
        blocks.append(Block(of_block, first[cells], [weights[cells] for weights in deeper], grouping))
        start = cells.stop
    return blocks
