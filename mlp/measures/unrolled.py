"""How a training image changes the cost through the whole descent: the derivative of a trained network's cost by it.

Arpit et al. 2017 (arXiv 1706.05394), section 3.2, unroll the steps of the descent and backpropagate through them, as
Maclaurin et al. 2015 (arXiv 1502.03492) do. A step is w' = w - rate g(w, x), with the gradient g of the mini-batch's
average cost. If v is the derivative of a later cost by w', then its derivative by w is v - rate dg/dw v, and for each
image of the mini-batch -rate dg/dx v is added to its derivative by that image. Both products are derivatives of
gradients along v (Pearlmutter 1994, "Fast exact multiplication by the Hessian"), so no Hessian is stored. All later
costs are followed back at once.
"""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.measures.memorization import input_gradient
from mlp.nn.descent import Descent, mini_batches
from mlp.nn.network import Layer, Network, Parameters


def unrolled_derivatives(
    network: Network, start: Parameters, images: NDArray, labels: NDArray, descent: Descent, batch_rng: Generator
) -> NDArray:
    """Derivatives of the average cost after each epoch by all training images, through all earlier steps.

    Parameters
    ----------
    network : Network
        With ReLU, whose second derivative is 0, and cross-entropy.
    start : Parameters
    images : (n, inputs) floats
    labels : (n,) int
    descent : Descent
        Plain gradient descent: without momentum, weight decay, centring and shifts.
    batch_rng : Generator
        Draws the mini-batches, as in `mlp.nn.descent.train`.

    Returns
    -------
    (epochs, n, inputs) float64
        The images count as part of the cost too, not only as part of the descent.

    Raises
    ------
    ValueError
        If the network or the descent is of another kind.
    """
    check(network, descent)
    images = images.astype(np.float64)
    batches = [list(mini_batches(len(images), descent.batch_size, batch_rng)) for _ in range(descent.epochs)]
    ends = [[Layer(*(array.astype(np.float64) for array in layer)) for layer in start]]

    def states(epoch: int) -> Iterator[Parameters]:
        """The parameters before each step of an epoch, and after the last."""
        yield (parameters := ends[epoch])
        for batch in batches[epoch]:
            gradient = network.gradient(parameters, images[batch], labels[batch])
            yield (parameters := moved(parameters, gradient, descent.rate(epoch)))

    for epoch in range(descent.epochs):
        *_, last = states(epoch)
        ends.append(last)
    derivatives = np.zeros((descent.epochs, *images.shape))
    directions: Parameters = []
    for epoch in reversed(range(descent.epochs)):
        end, rate = ends[epoch + 1], descent.rate(epoch)
        derivatives[epoch] = input_gradient(network, end, images, labels) / len(images)
        directions = joined(network.gradient(end, images, labels), directions)
        before = list(states(epoch))[:-1]
        for parameters, batch in zip(reversed(before), reversed(batches[epoch]), strict=True):
            change, by_images = gradients_along(network, parameters, directions, images[batch], labels[batch])
            directions = moved(directions, change, rate)
            derivatives[epoch:, batch] -= rate * by_images
    return derivatives


def check(network: Network, descent: Descent) -> None:
    """Raise a ValueError for a network or a descent that can't be unrolled."""
    for field, given, allowed in (
        ("activation", network.activation, "relu"),
        ("cost", network.cost, "cross_entropy"),
        ("rule", descent.rule, "sgd"),
        ("momentum", descent.momentum, 0),
        ("weight_decay", descent.weight_decay, 0),
        ("center", descent.center, False),
        ("shift", descent.shift, 0),
        ("dropout", descent.dropout, 0),
    ):
        if given != allowed:
            raise ValueError(f"{field}: {given!r} given; allowed, to unroll the descent: {allowed!r}")


def moved(parameters: Parameters, gradient: Parameters, rate: float) -> Parameters:
    """One step of plain gradient descent; also of several directions at once."""
    return [Layer(*(old - rate * by for old, by in zip(*pair, strict=True)))
            for pair in zip(parameters, gradient, strict=True)]  # fmt: skip


def joined(first: Parameters, others: Parameters) -> Parameters:
    """A direction in front of others, which have a leading axis of directions; there may be none."""
    alone = [Layer(*(array[np.newaxis] for array in layer)) for layer in first]
    if not others:
        return alone
    return [Layer(*map(np.concatenate, zip(*layers, strict=True))) for layers in zip(alone, others, strict=True)]


def gradients_along(
    network: Network, parameters: Parameters, directions: Parameters, images: NDArray, labels: NDArray
) -> tuple[Parameters, NDArray]:
    """How the gradients of the average cost change along directions in the space of the parameters.

    Parameters
    ----------
    directions : Parameters
        Of arrays (directions, ...) with the shapes of `parameters`.
    images : (n, inputs) float64

    Returns
    -------
    by_parameters : Parameters
        Hessian times each direction; arrays (directions, ...).
    by_images : (directions, n, inputs)
        The derivative along each direction of the gradient by the images.
    """
    activations = network.forward(parameters, images)
    answers = activations[-1]
    # Forward: how the activations of each layer change along the directions. The images don't.
    changes = [np.zeros((1, *images.shape))]
    for depth, (layer, direction) in enumerate(zip(parameters, directions, strict=True)):
        sums = activations[depth] @ direction.weights + direction.biases[:, np.newaxis]
        if depth > 0:
            sums += changes[-1] @ layer.weights
        last = depth == len(parameters) - 1
        # The derivative of softmax, or that of ReLU.
        changes.append(answers * (sums - (answers * sums).sum(axis=2, keepdims=True)) if last
                       else sums * (activations[depth + 1] > 0))  # fmt: skip
    # Backward: the derivatives by the weighted sums, and how these change; product rule everywhere.
    delta, change = (answers - network.targets(labels, np.float64)) / len(images), changes[-1] / len(images)
    by_parameters: Parameters = []
    for depth in reversed(range(len(parameters))):
        weights, below = parameters[depth].weights, activations[depth]
        by_weights = below.T @ change
        if depth > 0:
            by_weights += changes[depth].swapaxes(1, 2) @ delta
        by_parameters.insert(0, Layer(by_weights, change.sum(axis=1)))
        change = change @ weights.T + delta @ directions[depth].weights.swapaxes(1, 2)
        delta = delta @ weights.T
        if depth > 0:
            delta, change = delta * (below > 0), change * (below > 0)
    return by_parameters, change
