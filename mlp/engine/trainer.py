"""One network in the engine, trained one epoch at a time, on examples that may have weights."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import issparse

from mlp.data.openml import FEW_LEVELS
from mlp.engine.layers import Layers
from mlp.engine.pixels import Images, Pixels, layout_of
from mlp.engine.stack import measure, run_epoch
from mlp.nn.costs import COSTS
from mlp.nn.descent import Descent
from mlp.nn.network import Network, Parameters

LARGE_INPUTS = 10  # root mean square; MNIST's pixels 0..255 have 79


class Examples(NamedTuple):
    """Images with their labels (1, n), and their weights (n,) or None."""

    images: Images
    labels: NDArray
    weights: NDArray | None


class Trainer:
    """A stack of one cell, with the state that training needs to go on: the step rule and the order of the examples.

    Parameters
    ----------
    network : Network
    start : Parameters
        Not changed.
    descent : Descent
    batch_rng : Generator
        Draws the mini-batches.
    inputs : (n, inputs) float32 or uint8, dense or in CSR form
        Examples of the inputs, by which the layout of the first layer is chosen.
    dropout_rng : Generator
        Draws the dropped activations.

    Attributes
    ----------
    parameters : Parameters
    """

    def __init__(
        self,
        network: Network,
        start: Parameters,
        descent: Descent,
        batch_rng: Generator,
        inputs: Pixels,
        dropout_rng: Generator,
    ) -> None:
        self.network, self.descent, self.batch_rng, self.dropout_rng = network, descent, batch_rng, dropout_rng
        self.layout = layout_of(inputs, descent.center)
        self.reset(start)

    def reset(self, parameters: Parameters) -> None:
        """Go on from these parameters, with the step rule in its initial state."""
        self.parameters = parameters
        # With mini-batches of its own, the cell is a group of one, which needs no padding.
        self._layers = Layers(self.network, [parameters], self.layout, shared=False, descents=[self.descent])

    def examples(self, inputs: Pixels, labels: NDArray, weights: NDArray | None, rows: Any = slice(None)) -> Examples:
        """Some rows of inputs (n, inputs), labels (n,) and weights (n,), in the form that the engine reads."""
        return Examples(
            Images(inputs[rows], self.layout), labels[np.newaxis, rows], None if weights is None else weights[rows]
        )

    def train(self, examples: Examples, epoch: int) -> float:
        """Train for one epoch, at the learning rate of the epoch of that number, counted from 0.

        Returns
        -------
        float
            The average cost afterwards. If it is not finite, training diverged, and the parameters are those from
            before this epoch.
        """
        batch_rngs, dropout_rngs = [self.batch_rng], [self.dropout_rng]
        run_epoch(self._layers, examples.images, examples.labels, epoch, batch_rngs, examples.weights, dropout_rngs)
        cost, _ = self.measure(examples)
        (parameters,) = self._layers.parameters()
        if not all(np.isfinite(array).all() for layer in parameters for array in layer):
            cost = np.inf
        if np.isfinite(cost):
            self.parameters = parameters
        else:
            self.reset(self.parameters)
        return cost

    def measure(self, examples: Examples) -> tuple[float, float]:
        """Average cost, and share of the examples that are classified correctly."""
        costs, predicted = measure(self._layers, examples.images, examples.labels)
        cost, accuracy = (
            float(np.average(values[0], weights=examples.weights)) for values in (costs, predicted == examples.labels)
        )
        return cost, accuracy

    def constant_cost(self, examples: Examples) -> float:
        """Average cost of the best answer that does not depend on the inputs: the share of each class."""
        classes = self.network.sizes[-1]
        shares = np.bincount(examples.labels[0], examples.weights, classes) / examples.labels.size
        costs = COSTS[self.network.cost].value(np.broadcast_to(shares, (classes, classes)), np.eye(classes))
        return float(shares @ costs)


def warn_of_dark(pixels: Pixels, stacklevel: int) -> None:
    """Warn if pixels (n, inputs) uint8, dense or in CSR form, have other levels than 0 to 255."""
    brightest = int(pixels.max())
    if 0 < brightest < FEW_LEVELS:
        advice = f"pass X / {brightest} if they are no pixels, or have other levels"
        given = f"uint8 values up to {brightest} given, which are read as pixels from 0 to 255"
        warnings.warn(f"X: {given}; {advice}", stacklevel=stacklevel)


def warn_of_large(inputs: Pixels, stacklevel: int) -> None:
    """Warn if inputs (n, inputs), dense or in CSR form, are so large that most neurons saturate."""
    if inputs.dtype == np.uint8:  # these are scaled
        return
    values = inputs.data if issparse(inputs) else inputs.ravel()
    size = np.linalg.norm(values) / np.sqrt(np.prod(inputs.shape))
    if size > LARGE_INPUTS:
        advice = "scale them to about [0, 1] or unit variance, or pass pixels 0..255 as uint8"
        warnings.warn(f"X: inputs with a root mean square of {size:.3g} given; {advice}", stacklevel=stacklevel)
