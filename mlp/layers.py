"""All layers of many networks of one shape: answers, backpropagation, steps.

Deeper layers are small, and multiplied a network at a time (`np.matmul` loops over the cells), so that a network's
weights are the same bits whatever networks stand beside it. The first layer has a file of its own.

A step of small networks is some fifty calls of a few microseconds each. So all arrays, and all views of them, are made
once for mini-batches of one size: `Pass`. Activations have a column of ones, which makes the biases a row of the
weights; everything else works on the whole array, for NumPy is slow on rows of 16.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlp.activations import ACTIVATIONS
from mlp.costs import COSTS
from mlp.first_layer import Grouping, Products, group_size, held, hold
from mlp.network import Layer, Network, Parameters
from mlp.pixels import Batch, Layout


class Link:
    """From a layer to the next, for mini-batches of n images.

    Attributes
    ----------
    weights, target, gradient : (cells, fan_in + 1, fan_out)
        The target is what the gradient is added to.
    below, below_slopes : (cells, n, fan_in + 1)
        Activations, with a column of ones, and the slopes of the cost by their weighted sums.
    above, above_slopes : (cells, n, fan_out)
        The next layer's weighted sums, which become activations in place, and their slopes.
    """

    def __init__(
        self, weights: NDArray, target: NDArray, below: NDArray, below_slopes: NDArray, above: NDArray, slopes: NDArray
    ) -> None:
        self.weights, self.target, self.gradient = weights, target, np.empty_like(weights)
        self.below, self.below_slopes, self.derivative = below, below_slopes, np.empty_like(below)
        self.above, self.above_slopes = above, slopes
        self.ones = below[:, :, -1]
        self.below_transposed, self.weights_transposed = below.swapaxes(1, 2), weights.swapaxes(1, 2)


class Pass:
    """Forward and backward, for mini-batches of n images.

    Attributes
    ----------
    first : Products
    links : list of Link, one a layer but the first
    answers, slopes : (cells, n, outputs)
        Activations of the last layer, and the slopes of the cost by its weighted sums.
    """

    def __init__(self, layers: "Layers", n: int) -> None:
        first, *deeper = layers.arrays
        first_target, *targets = layers.velocity or layers.arrays
        self.first = Products(layers.grouping, n, layers.layout.busy.size + 1, first, first_target)
        self.answers, self.slopes = self.first.sums.cells, self.first.slopes.cells
        activations, slopes = [self.first.sums.whole], [self.first.slopes.whole]
        for weights in deeper[:-1]:
            activations.append(np.ones((len(weights), n, weights.shape[2] + 1), np.float32))
            slopes.append(np.empty_like(activations[-1]))
        if deeper:
            cells, _, outputs = deeper[-1].shape
            self.answers, self.slopes = np.empty((2, cells, n, outputs), np.float32)
        above = [*(array[:, :, :-1] for array in activations[1:]), self.answers]
        above_slopes = [*(array[:, :, :-1] for array in slopes[1:]), self.slopes]
        links = zip(deeper, targets, activations, slopes, above, above_slopes, strict=False)
        self.links = [Link(*arrays) for arrays in links]
        self._squish, self._derivative = ACTIVATIONS[layers.network.activation]
        self._output = COSTS[layers.network.cost].output

    def forward(self, batches: list[Batch]) -> None:
        """Answer images, with one batch a group of the first layer."""
        self.first.add_up(batches)
        self.first.sums.to_cells()
        for link in self.links:
            self._squish(link.below, out=link.below)
            link.ones.fill(1)
            np.matmul(link.below, link.weights, out=link.above)
        self._output(self.answers, out=self.answers)

    def backward(self, batches: list[Batch]) -> None:
        """Add to the targets what the slopes of the last layer make of the slopes of the weights."""
        for link in reversed(self.links):
            np.matmul(link.below_transposed, link.above_slopes, out=link.gradient)
            np.matmul(link.above_slopes, link.weights_transposed, out=link.below_slopes)
            self._derivative(link.below, out=link.derivative)
            np.multiply(link.below_slopes, link.derivative, out=link.below_slopes)
            np.add(link.target, link.gradient, out=link.target)
        self.first.slopes.to_groups()
        self.first.add_slopes(batches)


class Layers:
    """A stack of cells.

    Parameters
    ----------
    starts : list of Parameters, one a cell
    shared : bool
        Whether all cells read the same mini-batches, or each its own.
    momentum : float

    Attributes
    ----------
    arrays : list of arrays
        All that is learned: the first layer in groups (see `mlp.first_layer.hold`), for each other layer the weights
        (cells, fan_in + 1, fan_out). The last row of those are the biases.
    velocity : list of arrays like these
        The last step; empty without momentum.
    """

    def __init__(
        self, network: Network, starts: list[Parameters], layout: Layout, shared: bool, momentum: float
    ) -> None:
        self.network, self.layout, self.momentum = network, layout, np.float32(momentum)
        self.shared, fan_out = shared, network.sizes[1]
        self.grouping = Grouping(len(starts), fan_out, group_size(fan_out) if shared else 1)
        first, *deeper = (np.stack([np.vstack(layer) for layer in layers]) for layers in zip(*starts, strict=True))
        self.arrays = [hold(first[:, layout.order], self.grouping), *deeper]
        self.velocity = [np.zeros_like(array) for array in self.arrays] if momentum else []
        self._passes: dict[int, Pass] = {}

    def keep(self, cells: NDArray) -> None:
        """Let go of all cells but these."""
        before, self.grouping = self.grouping, replace(self.grouping, cells=len(cells))

        def kept(first: NDArray, *deeper: NDArray) -> list[NDArray]:
            return [hold(held(first, before)[cells], self.grouping), *(array[cells] for array in deeper)]

        self.arrays = kept(*self.arrays)
        self.velocity = kept(*self.velocity) if self.velocity else []
        self._passes = {}

    @np.errstate(all="ignore")
    def parameters(self) -> list[Parameters]:
        """Parameters of each cell, as they answer raw images."""
        groups, *deeper = self.arrays
        in_order = held(groups, self.grouping)
        first = np.empty_like(in_order)
        first[:, self.layout.order] = in_order
        # (x - mean) W + b = x W + (b - mean W)
        for rows in first:
            rows[-1] -= self.layout.mean @ rows[self.layout.busy]
        return [
            [Layer(weights[cell, :-1].copy(), weights[cell, -1].copy()) for weights in (first, *deeper)]
            for cell in range(self.grouping.cells)
        ]

    def pass_of(self, n: int) -> Pass:
        """For mini-batches of n images."""
        if n not in self._passes:
            self._passes[n] = Pass(self, n)
        return self._passes[n]

    def one_a_group(self, batches: list[Batch]) -> list[Batch]:
        """Of one batch that all cells share, or one a cell."""
        return batches * len(self.arrays[0]) if self.shared else batches

    def answers(self, batch: Batch) -> NDArray:
        """Activations of the last layer (cells, n, outputs), in an array that the next call overwrites."""
        answering = self.pass_of(batch.n)
        answering.forward([batch] * len(self.arrays[0]))
        return answering.answers

    def step(self, batches: list[Batch], targets: NDArray, rate: float) -> None:
        """Walk one step downhill on one batch that all cells share or one a cell; targets (cells, n, outputs)."""
        learning, batches = self.pass_of(batches[0].n), self.one_a_group(batches)
        learning.forward(batches)
        slopes = COSTS[self.network.cost].delta(learning.answers, targets)
        # From here on all slopes carry the sign and the length of the step.
        np.multiply(slopes, np.float32(-rate / batches[0].n), out=learning.slopes)
        for velocity in self.velocity:
            velocity *= self.momentum
        learning.backward(batches)
        for array, velocity in zip(self.arrays, self.velocity, strict=bool(self.velocity)):
            array += velocity
