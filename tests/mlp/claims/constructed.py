"""Trained networks with given curves."""

import numpy as np

from mlp.claims import Networks, TrainedNetwork, measure_of
from mlp.data.randomness import generator
from mlp.data.sets import Dataset
from mlp.nn.descent import Descent
from mlp.nn.network import Network


def constructed(
    seed=0, rows=40, fraction=0.0, inputs="true", hidden=(4, 3), test=0.9, trained=True, **given
) -> TrainedNetwork:
    """A network on random images with given curves (accuracy=…, cost=…)."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(256, size=(rows, 64), dtype=np.uint8), rng.integers(10, size=rows).astype(np.uint8)
    accuracy = np.asarray(given.get("accuracy", [0.1, 0.5, 1.0]))
    cost = np.asarray(given.get("cost", 1 - accuracy))
    network = Network((64, *hidden, 10))
    return TrainedNetwork(
        network,
        Descent(epochs=2),
        Dataset("random", images, labels, images, labels, "none"),
        labels,
        seed,
        fraction,
        inputs,
        {
            "train/accuracy": accuracy,
            "test/accuracy": np.full(accuracy.shape, test),
            "train/cost": cost,
            "test/cost": np.asarray(given.get("test_cost", cost)),
        },
        lambda: network.initialize(generator(seed + 100 * trained, "start")),
    )


def line(epochs: int) -> np.ndarray:
    return np.linspace(0.1, 1, epochs + 1)


def measured(claim: str, *experiments: list[TrainedNetwork], **named: list[TrainedNetwork]) -> dict:
    """The quantities of a claim, measured on the networks of its experiments."""
    return measure_of(claim)(
        *map(Networks, experiments), **{role: Networks(nets) for role, nets in named.items()}
    ).quantities
