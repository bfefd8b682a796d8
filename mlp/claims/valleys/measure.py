"""The valleys of the cost in which different starts end (the lesson)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, TrainedNetwork
from mlp.data.randomness import generator
from mlp.measures.landscape import barrier, loss_spread, random_direction, slice_costs
from mlp.nn.network import flatten, unflatten

SLICE_ROWS = 2_000  # training images that the cost of a slice is averaged over


def measure(lesson: Networks) -> Findings:
    """The cost between the minima of two seeds, and around each.

    ``barrier`` is the height of the barrier on the line between the minima of neighbouring seeds, divided by the
    difference between the untrained and the final cost. ``lowest_at_minimum`` is the share of ten random directions in
    which no cost within a tenth of the weights' norm is more than 1 % below that of the minimum.
    """

    def cost_of(net: TrainedNetwork) -> Callable[[NDArray], float]:
        return lambda vector: net.cost(unflatten(vector, net.network.sizes), SLICE_ROWS)

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
    accuracy = lesson.over_seeds("test/accuracy")
    quantities = {
        "barrier": np.array(heights),
        "lowest_at_minimum": np.array(lowest),
        "accuracy": accuracy,
        "accuracy_spread": loss_spread(accuracy, generator(0, "noise")),
        "cost_spread": loss_spread(lesson.over_seeds("test/cost"), generator(0, "noise")),
    }
    pictures = {
        "line": figures.slices(between, lines, "position between the two minima"),
        "slice": figures.slices(wide, slices, "distance from the minimum / norm of the weights"),
        "plane": figures.plane(wide, slice_costs(cost, minimum, directions, wide)),
    }
    return Findings(quantities, pictures)
