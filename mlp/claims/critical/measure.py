"""Images close to a boundary of the network's answer (Arpit et al. 2017, arXiv 1706.05394, figures 7 to 9)."""

from functools import partial
from typing import Any

import numpy as np

from mlp.claims.critical.figure import over_fractions, over_radii
from mlp.claims.findings import Findings, Networks, TrainedNetwork, rank_correlation
from mlp.data.randomness import generator
from mlp.measures.memorization import GREY_LEVEL, critical_samples
from mlp.nn.descent import scaled

CRITICAL_ROWS = 500  # images that are searched for critical ones
RADIUS_ROWS = 100  # the same, for the figure over radii
RADII = (0.3, 1, 2, 4, 8, 16)  # in grey levels 0..255; the first is the paper's
WIDE_RADIUS = 8


def measure(labels: Networks, inputs: Networks) -> Findings:
    """Figures 7 to 9: critical sample ratio of held-out images, and of the training images.

    A fitted network keeps its training images clear of its boundaries: at the paper's radius none of them is critical.
    """
    fractions = labels.values("fraction")
    quantities: dict[str, Any] = {}
    pictures = {}
    searches = {"heldout": ("test", RADII[0]), "paper": ("train", RADII[0]), "wide": ("train", WIDE_RADIUS)}
    for name, (kind, radius) in searches.items():
        ratio = partial(critical_ratio, kind=kind, radius=radius)
        ratios, noise = labels.over("fraction", ratio), inputs.over_seeds(ratio)
        quantities |= {
            f"{name}_real": ratios[0],
            f"{name}_labels": ratios[-1],
            f"{name}_noise": noise,
            f"{name}_labels_over_real": ratios[-1] - ratios[0],
            f"{name}_noise_over_real": noise - ratios[0],
            f"{name}_with_labels": rank_correlation(fractions, ratios),
        }
        if name == "heldout":
            pictures["critical"] = over_fractions(fractions, ratios, noise)
    random = labels.select(fraction=fractions[-1])[0]
    ends = {"real data": labels[0], "random labels": random, "random images": inputs[0]}
    by_radius = {
        f"{name}, {words}": np.array([critical_ratio(net, kind, radius, RADIUS_ROWS) for radius in RADII])
        for name, net in ends.items()
        for kind, words in (("test", "held out"), ("train", "training images"))
    }
    pictures["radii"] = over_radii(RADII, by_radius)
    return Findings(quantities, pictures)


def critical_ratio(net: TrainedNetwork, kind: str, radius: float, rows: int | None = None) -> float:
    """Critical sample ratio of a network's first ``train`` or ``test`` images; the radius is in grey levels 0..255."""
    images = {"train": net.data.train_images, "test": net.data.test_images}[kind]
    rng = generator(net.seed, "noise")
    searched = scaled(images[: rows or CRITICAL_ROWS])
    return float(critical_samples(net.network, net.parameters, searched, rng, radius * GREY_LEVEL).mean())
