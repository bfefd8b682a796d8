"""The gradient's components as importances of the weights (the lesson)."""

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, TrainedNetwork
from mlp.claims.gradient.figure import component_sizes
from mlp.data.randomness import generator
from mlp.measures.landscape import components_needed, cumulative_share
from mlp.nn.descent import descend, scaled
from mlp.nn.network import Parameters, flatten, unflatten

GRADIENT_ROWS = 10_000  # training images that a gradient is averaged over
SHARES = (0.5, 0.9, 0.99)  # of the gradient's squared norm
NUDGED = 130  # weights and biases that are nudged together, one in a hundred
NUDGE = 1e-5  # by which each of them is changed


def measure(lesson: Networks) -> Findings:
    """The gradient's components as importances of the weights, and its norm before and after training.

    The lesson's surface is C(x, y) = 3/2 x² + 1/2 y². A step of rate 1 from (1, 1) is minus the gradient there.
    """

    def gradient_of(net: TrainedNetwork, parameters: Parameters) -> Parameters:
        some = slice(GRADIENT_ROWS)
        return net.network.gradient(parameters, scaled(net.data.train_images[some]), net.train_labels[some])

    def norm(gradient: Parameters) -> float:
        return float(np.linalg.norm(flatten(gradient)))

    def surface_gradient(point: NDArray) -> NDArray:
        return np.array([3.0, 1.0]) * point

    nudge = np.diff(descend(surface_gradient, (1, 1), rate=1, steps=1), axis=0)[0]
    steps = np.linalg.norm(np.diff(descend(surface_gradient, (1, 1), rate=0.1, steps=30), axis=0), axis=1)
    at_start = [gradient_of(net, net.start) for net in lesson]
    needed = np.array([components_needed(gradient, SHARES) for gradient in at_start])
    whole = np.array([(cumulative_share(flatten(gradient)) < 0.9).mean() for gradient in at_start])
    random = default_rng(0).standard_normal(flatten(at_start[0]).size)
    normal, sizes = cumulative_share(random), np.sort(np.abs(random))[::-1]
    quantities = {
        "nudge_x": float(nudge[0]),
        "nudge_y": float(nudge[1]),
        "whole_90": whole,
        "normal_90": float((normal < 0.9).mean()),
        "normal_top_over_random": float(sizes[:NUDGED].mean() / sizes.mean()),
        **{
            f"layer{layer + 1}_{round(100 * share)}": needed[:, layer, column]
            for layer in range(needed.shape[1])
            for column, share in enumerate(SHARES)
        },
        "shorter_steps": float((np.diff(steps) < 0).mean()),
        "slope_left": np.array(
            [norm(gradient_of(net, net.parameters)) / norm(start) for net, start in zip(lesson, at_start, strict=True)]
        ),
    }
    for state in ("start", "parameters"):
        effects = np.array([nudge_effects(net, getattr(net, state)) for net in lesson])
        name = {"start": "before", "parameters": "after"}[state]
        quantities |= {f"{name}_top_over_random": effects[:, 0] / effects[:, 1], f"{name}_signs": effects[:, 2]}
    shares = {f"layer {i}": cumulative_share(flatten([layer])) for i, layer in enumerate(at_start[0], start=1)}
    trained = gradient_of(lesson[0], lesson[0].parameters)
    pictures = {
        "importance": figures.importance(shares | {"random, for comparison": normal}),
        "components": component_sizes({"untrained": flatten(at_start[0]), "trained": flatten(trained)}),
    }
    return Findings(quantities, pictures)


def nudge_effects(net: TrainedNetwork, parameters: Parameters) -> tuple[float, float, float]:
    """What nudges against the gradient do to the cost, instead of what the gradient says of them.

    Returns
    -------
    top, random : float
        Decrease of the cost when the `NUDGED` weights with the largest components, or as many random ones, are each
        changed by `NUDGE` against the sign of their component. Weights from pixels that are dark in all images, whose
        component is 0, are not among the random ones.
    signs : float
        Share of single random weights whose nudge against the sign lowers the cost.
    """
    images, labels = scaled(net.data.train_images[:GRADIENT_ROWS]), net.train_labels[:GRADIENT_ROWS]
    images, vector = images.astype(np.float64), flatten(parameters).astype(np.float64)

    def cost(point: NDArray) -> float:
        return net.network.average_cost(unflatten(point, net.network.sizes), images, labels)

    components = flatten(net.network.gradient(unflatten(vector, net.network.sizes), images, labels))
    live = np.flatnonzero(components)
    rng = generator(net.seed, "noise")
    top, random = np.argsort(-np.abs(components))[:NUDGED], rng.choice(live, min(NUDGED, live.size), replace=False)
    here = cost(vector)

    def gain(chosen: NDArray) -> float:
        nudged = vector.copy()
        nudged[chosen] -= NUDGE * np.sign(components[chosen])
        return here - cost(nudged)

    return gain(top), gain(random), float(np.mean([gain(random[i : i + 1]) > 0 for i in range(20)]))
