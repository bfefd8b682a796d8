"""Claims of the lesson, 3Blue1Brown's "Gradient descent, how neural networks learn", about its own network."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, TrainedNetwork, curves_over_seeds, final, over_seeds
from mlp.data.randomness import generator
from mlp.measures.landscape import (
    barrier,
    components_needed,
    cumulative_share,
    loss_spread,
    random_direction,
    slice_costs,
)
from mlp.nn.costs import COSTS
from mlp.nn.descent import descend, scaled
from mlp.nn.network import Parameters, flatten, unflatten

WORKED_EXAMPLE = (0.43, 0.28, 0.19, 0.88, 0.72, 0.01, 0.64, 0.86, 0.99, 0.63)  # activations for an image of a 3
GRADIENT_ROWS = 10_000  # training images that a gradient is averaged over
SLICE_ROWS = 2_000  # training images that the cost of a slice is averaged over
SHARES = (0.5, 0.9, 0.99)  # of the gradient's squared norm
NUDGED = 130  # weights and biases that are nudged together, one in a hundred
NUDGE = 1e-5  # by which each of them is changed


def parameters(lesson: list[TrainedNetwork]) -> Findings:
    """Number of parameters; cost and accuracy before and after training."""
    untrained_cost = over_seeds(lesson, lambda net: net.curve("test/cost")[0])
    cost = over_seeds(lesson, final("test/cost"))
    answers, targets = np.array([WORKED_EXAMPLE]), np.eye(10)[[3]]
    quantities = {
        "parameters": over_seeds(lesson, lambda net: flatten(net.parameters).size),
        "worked_example": COSTS["quadratic"].value(answers, targets)[0],
        "untrained_cost": untrained_cost,
        "cost": cost,
        "cost_left": cost / untrained_cost,
        "untrained_accuracy": over_seeds(lesson, lambda net: net.curve("test/accuracy")[0]),
        "accuracy": over_seeds(lesson, final("test/accuracy")),
    }
    pictures = {
        "cost": figures.curves_figure({"training images": curves_over_seeds(lesson, "train/cost")}, "cost"),
        "accuracy": figures.curves_figure({"test images": curves_over_seeds(lesson, "test/accuracy")}, "accuracy"),
    }
    return Findings(quantities, pictures)


def best(sigmoid: list[TrainedNetwork], raw: list[TrainedNetwork], deskewed: list[TrainedNetwork]) -> Findings:
    """The accuracy that 13,002 parameters reach, by an earlier recipe, and on raw and on deskewed images."""
    recipes = {"sigmoid": sigmoid, "raw": raw, "deskewed": deskewed}
    quantities: dict[str, Any] = {}
    for name, networks in recipes.items():
        quantities |= {
            f"{name}_parameters": over_seeds(networks, lambda net: flatten(net.parameters).size),
            f"{name}_accuracy": over_seeds(networks, final("test/accuracy")),
            f"{name}_train": over_seeds(networks, final("train/accuracy")),
        }
    # On a logarithmic scale the last tenths of a point, which the recipes are about, can be told apart.
    errors = {name: 1 - curves_over_seeds(networks, "test/accuracy") for name, networks in recipes.items()}
    return Findings(quantities, {"error": figures.curves_figure(errors, "error on the test images", "log")})


def gradient(lesson: list[TrainedNetwork]) -> Findings:
    """The gradient's components as importances of the weights, and its norm before and after training.

    The lesson's surface is C(x, y) = 3/2 x² + 1/2 y². A step of rate 1 from (1, 1) is minus the gradient there.
    """

    def gradient_of(net: TrainedNetwork, parameters: Parameters) -> Parameters:
        some = slice(GRADIENT_ROWS)
        return net.network.gradient(parameters, scaled(net.data.train_images[some]), net.given[some])

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
        "components": figures.component_sizes({"untrained": flatten(at_start[0]), "trained": flatten(trained)}),
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
    images, labels = scaled(net.data.train_images[:GRADIENT_ROWS]), net.given[:GRADIENT_ROWS]
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


def valleys(lesson: list[TrainedNetwork]) -> Findings:
    """The cost between the minima of two seeds, and around each.

    ``barrier`` is the height of the barrier on the line between the minima of neighbouring seeds, divided by the
    difference between the untrained and the final cost. ``lowest_at_minimum`` is the share of ten random directions in
    which no cost within a tenth of the weights' norm is more than 1 % below that of the minimum.
    """
    some = slice(SLICE_ROWS)

    def cost_of(net: TrainedNetwork) -> Callable[[NDArray], float]:
        images, labels = scaled(net.data.train_images[some]), net.given[some]
        return lambda vector: net.network.average_cost(unflatten(vector, net.network.sizes), images, labels)

    between, near = np.linspace(0, 1, 21), np.linspace(-0.1, 0.1, 5)
    lines, heights, lowest = {}, [], []
    for net, other in zip(lesson, [*lesson[1:], lesson[0]], strict=True):
        cost, here, there = cost_of(net), flatten(net.parameters), flatten(other.parameters)
        line = slice_costs(cost, here, [there - here], between)
        lines[f"seeds {net.seed} and {other.seed}"] = line
        heights.append(barrier(line) / (cost(flatten(net.start)) - cost(here)))
        rng = generator(net.seed, "noise")
        around = [slice_costs(cost, here, [random_direction(net.parameters, rng)], near) for _ in range(10)]
        lowest.append(np.mean([costs.min() >= 0.99 * costs[len(near) // 2] for costs in around]))

    net, cost, rng = lesson[0], cost_of(lesson[0]), generator(0, "noise")
    directions = [random_direction(net.parameters, rng) for _ in range(2)]
    minimum, wide = flatten(net.parameters), np.linspace(-1, 1, 21)
    slices = {f"direction {i}": slice_costs(cost, minimum, [d], wide) for i, d in enumerate(directions, start=1)}
    accuracy = over_seeds(lesson, final("test/accuracy"))
    quantities = {
        "barrier": np.array(heights),
        "lowest_at_minimum": np.array(lowest),
        "accuracy": accuracy,
        "accuracy_spread": loss_spread(accuracy, generator(0, "noise")),
        "cost_spread": loss_spread(over_seeds(lesson, final("test/cost")), generator(0, "noise")),
    }
    pictures = {
        "line": figures.slices(between, lines, "position between the two minima"),
        "slice": figures.slices(wide, slices, "distance from the minimum / norm of the weights"),
        "plane": figures.plane(wide, slice_costs(cost, minimum, directions, wide)),
    }
    return Findings(quantities, pictures)
