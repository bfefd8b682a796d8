"""A network constructed for any labels (Zhang et al. 2016, arXiv 1611.03530, theorem 1)."""

import numpy as np

from mlp import figures
from mlp.claims.findings import Findings, Networks
from mlp.data.randomness import generator
from mlp.theory.interpolation import interpolate


def measure(trained: Networks) -> Findings:
    """Theorem 1: a network with 2n + d weights, constructed for random labels; beside it a trained one of that size.

    The construction has one output, which is the label as a number. Its answer is the nearest digit.
    """
    data = trained[0].data
    images, test_images = data.train_images / 255, data.test_images / 255
    networks = [interpolate(images, net.train_labels, generator(net.seed, "start")) for net in trained]
    outputs = [network.answers(images) for network in networks]
    wrong = [np.rint(output) != net.train_labels for output, net in zip(outputs, trained, strict=True)]
    quantities = {
        "images": float(len(images)),
        "weights": float(networks[0].parameter_count),
        "weights_beyond": float(networks[0].parameter_count - 2 * len(images) - images.shape[1]),
        "errors": np.array([rows.sum() for rows in wrong]),
        "deviation": max(np.abs(output - net.train_labels).max() for output, net in zip(outputs, trained, strict=True)),
        "test_accuracy": np.array([(np.rint(net.answers(test_images)) == data.test_labels).mean() for net in networks]),
        "trained_weights": float(trained[0].network.parameter_count),
        "trained_accuracy": trained.over_seeds("train/accuracy"),
    }
    some = np.argsort(images @ networks[0].projection)[:20]
    shown = figures.interpolation(networks[0], images[some], trained[0].train_labels[some])
    return Findings(quantities, {"construction": shown})
