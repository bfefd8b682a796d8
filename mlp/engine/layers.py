"""All layers of many networks of one shape: forward pass, backpropagation, steps.

The deeper layers are small, and are multiplied one network at a time (`np.matmul` loops over the cells). So a network
gets the same bits whatever other networks are in the stack. `mlp.engine.first_layer` computes the first layer.

A step of small networks consists of some fifty calls that take a few microseconds each. To keep them short, all arrays
and views are made once for each size of mini-batch (`Pass`). Activations have a column of ones, which makes the biases
a row of the weights. Element-wise operations include that column and work on whole arrays: NumPy is slow on rows of 16.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.engine.blocks import blocks_of
from mlp.engine.cost import group_size
from mlp.engine.first_layer import MAX_SUM, Products, unpack_groups
from mlp.engine.pixels import Batch, Layout
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.descent import Descent, dropout_mask
from mlp.nn.network import Layer, Network, Parameters


class Connection:
    """The connections from one layer to the next, for mini-batches of n images.

    Parameters
    ----------
    weights, gradient : (cells, fan_in + 1, fan_out)
    accumulators : (cells of a block, fan_in + 1, fan_out) arrays
        The gradient is added to them. Each comes from the step rule of a block, one block after the other.
    below, below_delta : (cells, n, fan_in + 1)
        Activations of the lower layer, with a column of ones, and the derivatives of the cost with respect to its
        weighted sums.
    above, delta : (cells, n, fan_out)
        Weighted sums of the upper layer, replaced in place by its activations, and the derivatives with respect to the
        sums.
    """

    def __init__(
        self,
        weights: NDArray,
        accumulators: Sequence[NDArray],
        below: NDArray,
        below_delta: NDArray,
        above: NDArray,
        delta: NDArray,
    ) -> None:
        self.weights, self.gradient = weights, np.empty_like(weights)
        ends = np.cumsum([len(accumulator) for accumulator in accumulators])
        self.additions = list(zip(accumulators, np.split(self.gradient, ends[:-1]), strict=True))
        self.below, self.below_delta, self.derivative = below, below_delta, np.empty_like(below)
        self.above, self.delta = above, delta
        self.ones = below[:, :, -1]
        self.below_transposed, self.weights_transposed = below.swapaxes(1, 2), weights.swapaxes(1, 2)


def runs_of(of_blocks: Sequence[Sequence[NDArray]], deeper: int) -> list[NDArray]:
    """The groups of the first layer (groups, inputs + 1, columns) among the arrays of each block's step rule."""
    return [run for arrays in of_blocks for run in arrays[deeper:]]


class Pass:
    """Forward and backward pass for mini-batches of n images.

    Parameters
    ----------
    layers : Layers
    n : int
        Images of a mini-batch.

    Attributes
    ----------
    first : Products
    connections : list of Connection
        One per layer after the first.
    answers, delta : (cells, n, outputs)
        Activations of the last layer, and the derivatives of the cost with respect to its weighted sums.
    """

    def __init__(self, layers: "Layers", n: int) -> None:
        deeper, of_blocks = layers.deeper, [block.rule.accumulators for block in layers.blocks]
        accumulators = zip(*(arrays[: len(deeper)] for arrays in of_blocks), strict=True)
        of_groups = list(chain(*runs_of(of_blocks, len(deeper))))
        self.first = Products(layers.grouping, n, layers.layout.busy.size + 1, layers.groups, of_groups)
        self.answers, self.delta = self.first.sums.cells, self.first.delta.cells
        activations, deltas = [self.first.sums.whole], [self.first.delta.whole]
        for weights in deeper[:-1]:
            activations.append(np.ones((len(weights), n, weights.shape[2] + 1), np.float32))
            deltas.append(np.empty_like(activations[-1]))
        if deeper:
            cells, _, outputs = deeper[-1].shape
            self.answers, self.delta = np.empty((2, cells, n, outputs), np.float32)
        above = [*(array[:, :, :-1] for array in activations[1:]), self.answers]
        above_delta = [*(array[:, :, :-1] for array in deltas[1:]), self.delta]
        connections = zip(deeper, accumulators, activations, deltas, above, above_delta, strict=False)
        self.connections = [Connection(*arrays) for arrays in connections]
        self._activation, self._derivative = ACTIVATIONS[layers.network.activation]
        self._output = COSTS[layers.network.cost].output

    def forward(self, batches: list[Batch], masks: Sequence[NDArray] = ()) -> None:
        """Compute the activations of all layers, with one batch per group of the first layer.

        With masks, a (cells, n, neurons + 1) for each hidden layer, activations are multiplied by them.
        """
        self.first.add_up(batches)
        self.first.sums.to_cells()
        for place, connection in enumerate(self.connections):
            self._activation(connection.below, out=connection.below)
            if masks:  # the derivative is a function of the activation before it is dropped
                self._derivative(connection.below, out=connection.derivative)
                np.multiply(connection.derivative, masks[place], out=connection.derivative)
                np.multiply(connection.below, masks[place], out=connection.below)
            connection.ones.fill(1)
            np.matmul(connection.below, connection.weights, out=connection.above)
        self._output(self.answers, out=self.answers)

    def backward(self, dropped: bool) -> None:
        """Compute delta of all layers, and the gradient of all but the first, from delta of the last.

        The forward pass computes the derivatives where activations are dropped.
        """
        for connection in reversed(self.connections):
            np.matmul(connection.below_transposed, connection.delta, out=connection.gradient)
            np.matmul(connection.delta, connection.weights_transposed, out=connection.below_delta)
            if not dropped:
                self._derivative(connection.below, out=connection.derivative)
            np.multiply(connection.below_delta, connection.derivative, out=connection.below_delta)
        self.first.delta.to_groups()

    def accumulate(self, batches: list[Batch]) -> None:
        """Add the gradient to the accumulators; that of the first layer is computed as it is added."""
        for connection in self.connections:
            for accumulator, gradient in connection.additions:
                np.add(accumulator, gradient, out=accumulator)
        self.first.add_gradient(batches)


class Layers:
    """The parameters of a stack of cells.

    Parameters
    ----------
    network : Network
        The shape of each cell.
    starts : list of Parameters
        One per cell.
    layout : Layout
        Of the images that the cells read.
    shared : bool
        Whether all cells read the same mini-batches, or each its own.
    descents : list of Descent
        One per cell. Cells with the same kind of step rule are neighbours: see `mlp.engine.blocks.by_block`.

    Attributes
    ----------
    blocks : list of Block
    grouping : Grouping
    dropouts : list of float
        One per cell.
    deeper : list of (cells, fan_in + 1, fan_out) arrays
        The weights of each layer after the first; their last row holds the biases. The parameters of the step rules are
        views of them.
    groups : list of (inputs + 1, columns) arrays
        The weights of the first layer, views of the last parameters of the step rules: see `pack_groups`.
    """

    def __init__(
        self, network: Network, starts: list[Parameters], layout: Layout, shared: bool, descents: list[Descent]
    ) -> None:
        self.network, self.layout, self.shared = network, layout, shared
        first, *deeper = (np.stack([np.vstack(layer) for layer in layers]) for layers in zip(*starts, strict=True))
        group = group_size(network.sizes[1]) if shared else 1
        narrow = max(layout.busy.size + 1, descents[0].batch_size) <= MAX_SUM
        self.blocks = blocks_of(descents, first[:, layout.order], deeper, group, narrow)
        self.join()

    def join(self) -> None:
        """Join the parameters of the blocks, so that passes work on all cells at once."""
        counts = tuple(block.grouping.cells for block in self.blocks)
        self.grouping = replace(self.blocks[0].grouping, blocks=counts)
        count, of_blocks = len(self.network.sizes) - 2, [block.rule.parameters for block in self.blocks]
        self.groups = list(chain(*runs_of(of_blocks, count)))
        self.deeper = of_blocks[0][:count]
        if len(of_blocks) > 1:
            for place in range(count):
                self.deeper[place] = np.concatenate([arrays[place] for arrays in of_blocks])
                views = np.split(self.deeper[place], np.cumsum(counts)[:-1])
                for arrays, view in zip(of_blocks, views, strict=True):
                    arrays[place] = view
        self.dropouts = [descent.dropout for block in self.blocks for descent in block.descents]
        self._passes: dict[int, Pass] = {}
        self._factors: dict[int, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Copies of views do not share memory; see `join`.
        return {name: self.__dict__[name] for name in ("network", "layout", "shared", "blocks")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.join()

    def keep(self, cells: NDArray) -> None:
        """Remove all cells but these, which are in ascending order, from the stack."""
        ends = np.cumsum(self.grouping.blocks)
        of_blocks = np.split(cells, np.searchsorted(cells, ends[:-1]))
        kept = []
        for block, first, some in zip(self.blocks, [0, *ends], of_blocks, strict=False):
            if some.size:
                block.keep(some - first)
                kept.append(block)
        self.blocks = kept
        self.join()

    def state(self) -> dict[str, NDArray]:
        """The parameters and the state of the step rules, by name: the arrays themselves, no copies."""
        arrays = {f"steps {number}": np.array(block.rule.steps) for number, block in enumerate(self.blocks)}
        kinds = [arrays for block in self.blocks for arrays in block.rule.arrays]
        return arrays | {
            f"{kind} {place}": array for kind, of_kind in enumerate(kinds) for place, array in enumerate(of_kind)
        }

    def restore(self, state: dict[str, NDArray]) -> None:
        """Set the parameters and the step rules to a `state` of the same cells."""
        for number, block in enumerate(self.blocks):
            block.rule.steps = int(state[f"steps {number}"])
        for name, array in self.state().items():
            if array.ndim:
                array[...] = state[name]

    def begin(self, epoch: int) -> None:
        """Set the learning rates of an epoch, counted from 0."""
        for block in self.blocks:
            block.begin(epoch)
        self._factors = {}

    def factors(self, n: int) -> Any:
        """The rules' factors of the gradient, with the 1/n of the average: a number, or (cells, 1, 1)."""
        if n not in self._factors:
            of_cells = np.concatenate([block.factors() / n for block in self.blocks]).astype(np.float32)
            self._factors[n] = of_cells[0] if (of_cells == of_cells[0]).all() else of_cells[:, None, None]
        return self._factors[n]

    @np.errstate(all="ignore")
    def parameters(self) -> list[Parameters]:
        """Parameters of each cell, for images that are not centred."""
        runs = runs_of([block.rule.parameters for block in self.blocks], len(self.deeper))
        in_order = unpack_groups(runs, self.grouping)
        first = np.empty_like(in_order)
        first[:, self.layout.order] = in_order
        # (x - mean) W + b = x W + (b - mean W)
        for rows in first:
            rows[-1] -= self.layout.mean @ rows[self.layout.busy]
        return [
            [Layer(weights[cell, :-1].copy(), weights[cell, -1].copy()) for weights in (first, *self.deeper)]
            for cell in range(self.grouping.cells)
        ]

    def pass_of(self, n: int) -> Pass:
        """The arrays and views for mini-batches of n images."""
        if n not in self._passes:
            self._passes[n] = Pass(self, n)
        return self._passes[n]

    def one_per_group(self, batches: list[Batch]) -> list[Batch]:
        """One batch per group of the first layer, from the one that all cells share or from one per cell."""
        return batches * len(self.groups) if self.shared else batches

    def answers(self, batch: Batch) -> NDArray:
        """Activations of the last layer (cells, n, outputs), in an array that the next call overwrites."""
        answering = self.pass_of(batch.n)
        answering.forward([batch] * len(self.groups))
        return answering.answers

    def masks(self, n: int, dropout_rngs: Sequence[Generator | None]) -> list[NDArray]:
        """Masks (cells, n, neurons + 1) for the activations of each hidden layer.

        Each cell draws its own, as in `mlp.nn.descent.train`; a cell that drops none has ones, as the column of ones
        has.
        """
        hidden = self.network.sizes[1:-1]
        masks = [np.ones((len(self.dropouts), n, neurons + 1), np.float32) for neurons in hidden]
        for cell, (share, rng) in enumerate(zip(self.dropouts, dropout_rngs, strict=True)):
            for mask, neurons in zip(masks, hidden, strict=True):
                if share and rng:
                    mask[cell, :, :-1] = dropout_mask(n, neurons, share, rng)
        return masks

    def step(
        self,
        batches: list[Batch],
        targets: NDArray,
        example_weights: NDArray | None = None,
        dropout_rngs: Sequence[Generator | None] = (),
    ) -> None:
        """Take one step of gradient descent, at the rates of the epoch that has begun.

        Parameters
        ----------
        batches : list of Batch
            One that all cells share, or one per cell.
        targets : (cells, n, outputs)
            The wanted activations.
        example_weights : (cells or 1, n), optional
            Factors of the examples' costs. Default: 1.
        dropout_rngs : sequence of Generator or None
            One per cell, which draws the dropped activations; needed with dropout.
        """
        learning, batches = self.pass_of(batches[0].n), self.one_per_group(batches)
        masks = self.masks(batches[0].n, dropout_rngs) if any(self.dropouts) else []
        learning.forward(batches, masks)
        delta = COSTS[self.network.cost].delta(learning.answers, targets)
        # Every delta and gradient from here on contains the rule's factor, and the 1/n of the average.
        np.multiply(delta, self.factors(batches[0].n), out=learning.delta)
        if example_weights is not None:
            learning.delta *= example_weights[:, :, np.newaxis]
        learning.backward(dropped=bool(masks))
        for block in self.blocks:
            block.rule.prepare()
        learning.accumulate(batches)
        for block in self.blocks:
            block.rule.finish()
