"""Paths between the minima of two seeds: a straight line, the line after matching neurons, and a trained curve.

Curves: Garipov et al. 2018, "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs" (arXiv 1802.10026).
Matching: Entezari et al. 2022, "The Role of Permutation Invariance in Linear Mode Connectivity of Neural Networks"
(arXiv 2110.06296), and Ainsworth et al. 2023, "Git Re-Basin" (arXiv 2209.04836).
"""

from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mlp.nn.descent import Descent, mini_batches, scaled
from mlp.nn.network import Layer, Network, Parameters, flatten, unflatten


def matched(network: Network, parameters: Parameters, reference: Parameters, images: NDArray) -> Parameters:
    """The same network with its hidden neurons in the order in which they resemble those of another network.

    The order of the neurons of a layer does not change what the network computes.

    Parameters
    ----------
    images : (n, inputs) floats
        On which the activations are compared.

    Notes
    -----
    Ainsworth et al., section 3.1: the permutation with the largest sum of products of the neurons' activations, which
    is the one with the smallest squared distance, by `scipy.optimize.linear_sum_assignment`; layer by layer.
    """
    result = list(parameters)
    layers = zip(network.forward(reference, images)[1:-1], network.forward(parameters, images)[1:-1], strict=True)
    for depth, (wanted, activations) in enumerate(layers):
        _, order = linear_sum_assignment(wanted.T @ activations, maximize=True)
        (weights, biases), (above, above_biases) = result[depth : depth + 2]
        result[depth : depth + 2] = Layer(weights[:, order], biases[order]), Layer(above[order], above_biases)
    return result


def on_curve(here: NDArray, bend: NDArray, there: NDArray, position: float) -> NDArray:
    """Point (d,) of the quadratic Bézier curve from `here` (0) to `there` (1), drawn towards `bend`."""
    return (1 - position) ** 2 * here + 2 * position * (1 - position) * bend + position**2 * there


def trained_bend(
    network: Network, here: NDArray, there: NDArray, images: NDArray, labels: NDArray, descent: Descent, rng: Generator
) -> NDArray:
    """The bend (d,) for which the average cost along the curve between two minima is small.

    Parameters
    ----------
    here, there : (d,) floats
        In the order of `mlp.nn.network.flatten`; not changed.
    images : (n, inputs) uint8
    labels : (n,) int
    descent : Descent
        Without `center` and `shift`.
    rng : Generator
        Draws the mini-batches, and for each a position on the curve.

    Notes
    -----
    Garipov et al., section 3: stochastic gradient descent on the cost at a position drawn uniformly, starting from the
    middle of the straight line. The derivative of the point by the bend is 2 t (1 - t).
    """
    bend = (here + there) / 2
    rule = descent.step_rule([bend])
    for epoch in range(descent.epochs):
        for batch in mini_batches(len(images), descent.batch_size, rng):
            position = rng.random()
            parameters = unflatten(on_curve(here, bend, there, position), network.sizes)
            gradient = flatten(network.gradient(parameters, scaled(images[batch]), labels[batch]))
            rule.step([2 * position * (1 - position) * gradient], descent.rate(epoch))
    return bend
