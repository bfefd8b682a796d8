"""The connections between two layers of many networks, for the passes through them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


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
