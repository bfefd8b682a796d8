"""Claims about paths between minima: Garipov et al. 2018, Draxler et al. 2018, Entezari et al. 2022."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.claims.connectivity import figure
from mlp.claims.findings import Findings, Networks, TrainedNetwork
from mlp.data.randomness import generator
from mlp.measures.connectivity import matched, on_curve, trained_bend
from mlp.measures.landscape import barrier
from mlp.nn.descent import scaled
from mlp.nn.network import flatten, unflatten

POSITIONS = np.linspace(0, 1, 11)
ROWS = 2_000  # training and test images that costs and errors are averaged over
# Epochs, and the rate relative to the networks': those of the authors' script for residual networks, and earlier ones.
CURVES = {"curve": (200, 0.3), "short": (20, 0.2)}
PATHS = ("straight", "matched", *CURVES)
SHOWN = ("straight line", "straight line, neurons matched", "curve", "curve, 20 epochs")


def measure(nets: Networks) -> Findings:
    """Barriers of training cost and test error between the minima of neighbouring seeds, for each width.

    The curves are trained on the labels that the networks were trained on.
    """
    quantities: dict[str, Any] = {}
    shown: dict[str, dict[str, NDArray]] = {}
    names = {"narrow": min(nets.values("width")), "wide": max(nets.values("width"))}
    for name, width in names.items():
        selected = nets.select(width=width)
        pairs = list(zip(selected, [*selected[1:], selected[0]], strict=True))
        # (pairs, paths, costs and errors, positions)
        paths = np.array([[along(net, path) for path in paths_between(net, other)] for net, other in pairs])
        for i, path in enumerate(PATHS):
            costs, errors = (np.array([barrier(values) for values in paths[:, i, of]]) for of in (0, 1))
            quantities |= {f"{name}_{path}_cost": costs, f"{name}_{path}_error": errors}
        shown[f"{width} neurons"] = dict(zip(SHOWN, paths[:, :, 1].mean(axis=0), strict=True))
        straight, after = (quantities[f"{name}_{path}_cost"] for path in ("straight", "matched"))
        quantities[f"{name}_matched_share"] = after / straight
    quantities["width_helps"] = quantities["narrow_matched_cost"] - quantities["wide_matched_cost"]
    return Findings(quantities, {"paths": figure.paths(POSITIONS, shown)})


def paths_between(net: TrainedNetwork, other: TrainedNetwork) -> list[Callable[[float], NDArray]]:
    """The `PATHS` as functions from a position, 0 to 1, to parameters (d,)."""
    images = scaled(net.data.train_images[:ROWS])
    here, there = flatten(net.parameters), flatten(other.parameters)
    same = flatten(matched(net.network, other.parameters, net.parameters, images))
    curves = []
    for epochs, share in CURVES.values():
        descent = replace(net.descent, learning_rate=share * net.descent.learning_rate, epochs=epochs)
        batch_rng = generator(net.seed, "order")
        bend = trained_bend(net.network, here, there, net.data.train_images, net.train_labels, descent, batch_rng)
        curves.append(partial(on_curve, here, bend, there))
    return [partial(on_line, here, there), partial(on_line, here, same), *curves]


def on_line(here: NDArray, there: NDArray, position: float) -> NDArray:
    """Parameters (d,) on the straight line from one point, at 0, to another, at 1."""
    return (1 - position) * here + position * there


def along(net: TrainedNetwork, path: Callable[[float], NDArray]) -> NDArray:
    """Training cost and test error along a path, (2, positions)."""
    test_images, values = scaled(net.data.test_images[:ROWS]), []
    for position in POSITIONS.tolist():
        parameters = unflatten(path(position), net.network.sizes)
        answers = net.answers(test_images, parameters).argmax(axis=1)
        values.append((net.cost(parameters, ROWS), (answers != net.data.test_labels[:ROWS]).mean()))
    return np.array(values).T
