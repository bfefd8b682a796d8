"""Images that are easy for every network (Arpit et al. 2017, arXiv 1706.05394, figure 1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.claims.difficulty.figure import difficulties
from mlp.claims.findings import Findings, Networks
from mlp.measures.memorization import difficulty_dispersion, equal_difficulty, example_difficulty
from mlp.nn.descent import scaled

DIFFICULTY_ROWS = 1_000  # training images whose difficulty is measured


def measure(nets: Networks, labels: Networks, plain: Networks) -> Findings:
    """Figure 1: share of the networks that misclassify each training image after one epoch.

    Parameters
    ----------
    nets
        Trained on real and on random images, equally many of each label.
    labels
        Trained on the same real images with random labels, the same for all networks.
    plain
        Trained on the first images of the training set, whose labels are not equally frequent.
    """
    groups = {
        "real": nets.select(inputs="true"),
        "noise": nets.select(inputs="gaussian"),
        "labels": labels,
        "plain_real": plain.select(inputs="true"),
        "plain_noise": plain.select(inputs="gaussian"),
    }
    quantities: dict[str, Any] = {}
    shown: dict[str, NDArray] = {}
    for name, selected in groups.items():
        images = scaled(selected[0].data.train_images[:DIFFICULTY_ROWS])
        train_labels = selected[0].train_labels[:DIFFICULTY_ROWS]
        predicted = np.array([net.answers(images).argmax(axis=1) for net in selected])
        shares = example_difficulty(predicted, train_labels)
        if not name.startswith("plain"):
            shown |= {name: np.sort(shares), f"{name}, if equally difficult": equal_difficulty(shares, len(selected))}
        quantities |= {
            f"{name}_mean": float(shares.mean()),
            f"{name}_dispersion": difficulty_dispersion(shares, len(selected)),
            f"{name}_dispersion_of_a_digit": dispersion_within_labels(shares, train_labels, len(selected)),
            f"{name}_always_right": float((shares == 0).mean()),
        }
    return Findings(quantities, {"difficulty": difficulties(shown)})


def dispersion_within_labels(shares: NDArray, labels: NDArray, networks: int) -> float:
    """Mean over the labels of the dispersion among the images with the same label.

    A network that has only learned how frequent each digit is always answers the most frequent one, which makes the
    images of that digit look easy.
    """
    dispersions = [difficulty_dispersion(shares[labels == label], networks) for label in np.unique(labels)]
    return float(np.nanmean(dispersions)) if np.isfinite(dispersions).any() else np.nan
