"""Corrupted training sets, time to fit and test error (Zhang et al. 2016, arXiv 1611.03530, figure 1)."""

import numpy as np
from numpy.typing import NDArray

from mlp.claims.corruption.figure import factor_by_error, figure1
from mlp.claims.findings import (
    Findings,
    TrainedNetwork,
    curves_over_seeds,
    epochs_to_fit,
    final,
    lowest_final,
    over_seeds,
    rank_correlation,
    values_of,
)


def measure(
    inputs: list[TrainedNetwork], labels: list[TrainedNetwork], centred: list[TrainedNetwork],
    fashion: list[TrainedNetwork], kuzushiji: list[TrainedNetwork], digits: list[TrainedNetwork],
    cifar10: list[TrainedNetwork],
) -> Findings:  # fmt: skip
    """Figure 1: (a) five kinds of training set, (b) time to fit and (c) test error against the corrupted fraction.

    Parameters
    ----------
    inputs, labels
        Trained on MNIST.
    centred, fashion, kuzushiji, digits, cifar10
        Trained on centred images of MNIST and of other data sets, with true and with random labels; empty where a data
        set can't be had.
    """
    fractions = values_of(labels, "fraction")
    epochs = np.array([over_seeds(labels, epochs_to_fit, fraction=p) for p in fractions])
    errors = 1 - np.array([over_seeds(labels, final("test/accuracy"), fraction=p) for p in fractions])
    by_inputs = {kind: over_seeds(inputs, epochs_to_fit, inputs=kind) for kind in values_of(inputs, "inputs")}
    quantities = {
        "fit_worst": lowest_final([*inputs, *labels], "train/accuracy"),
        "slow_down": epochs[-1] / epochs[0],
        "slower_with_p": rank_correlation(fractions, epochs),
        "error_random": errors[-1],
        "error_with_p": rank_correlation(fractions, errors),
        "labels_over_pixels": epochs[-1] / by_inputs["random_pixels"],
        "labels_over_gaussian": epochs[-1] / by_inputs["gaussian"],
        "shuffled_pixels_over_true": by_inputs["shuffled_pixels"] / by_inputs["true"],
        "error_true": errors[0],
    }
    quantities["cifar_slow_down"] = quantities["slow_down"]
    harder = {"mnist": centred, "fashion": fashion, "kuzushiji": kuzushiji, "digits": digits, "cifar10": cifar10}
    found = {name: true_and_random(nets) for name, nets in harder.items() if nets}
    for name in harder:
        quantities[f"slow_down_{name}"], quantities[f"error_{name}"] = found.get(name, (np.nan, np.nan))
    kinds = {"true labels": "true", "shuffled pixels": "shuffled_pixels", "random pixels": "random_pixels",
             "gaussian": "gaussian"}  # fmt: skip
    costs = {name: curves_over_seeds(inputs, "train/cost", inputs=kind) for name, kind in kinds.items()}
    costs["random labels"] = curves_over_seeds(labels, "train/cost", fraction=fractions[-1])
    pictures = {
        "figure1": figure1(costs, fractions, epochs / epochs[0], errors),
        "data": factor_by_error(found),
    }
    return Findings(quantities, pictures)


def true_and_random(nets: list[TrainedNetwork]) -> tuple[NDArray, NDArray]:
    """Epochs to fit random labels over those to fit true labels, and the test error with true labels; (seeds,)."""
    fractions = values_of(nets, "fraction")
    epochs = [over_seeds(nets, epochs_to_fit, fraction=p) for p in fractions]
    return epochs[-1] / epochs[0], 1 - over_seeds(nets, final("test/accuracy"), fraction=fractions[0])
