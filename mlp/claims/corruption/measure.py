"""Corrupted training sets, time to fit and test error (Zhang et al. 2016, arXiv 1611.03530, figure 1)."""

import numpy as np
from numpy.typing import NDArray

from mlp.claims.corruption.figure import factor_by_error, figure1
from mlp.claims.findings import Findings, Networks, epochs_to_fit, rank_correlation

# Experiments on other data sets than MNIST as it is, and what the quantities call them.
DATA_SETS = {"centred": "mnist"} | {name: name for name in ("fashion", "kuzushiji", "digits", "cifar10")}


def measure(inputs: Networks, labels: Networks, **data_sets: Networks) -> Findings:
    """Figure 1: (a) five kinds of training set, (b) time to fit and (c) test error against the corrupted fraction.

    Parameters
    ----------
    inputs, labels
        Trained on MNIST.
    data_sets
        Trained on `DATA_SETS`, with true and with random labels; empty where a data set can't be had.
    """
    fractions = labels.values("fraction")
    epochs = labels.over("fraction", epochs_to_fit)
    errors = 1 - labels.over("fraction", "test/accuracy")
    by_inputs = {kind: inputs.over_seeds(epochs_to_fit, inputs=kind) for kind in inputs.values("inputs")}
    quantities = {
        "fit_worst": Networks([*inputs, *labels]).lowest("train/accuracy"),
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
    found = {name: true_and_random(data_sets[role]) for role, name in DATA_SETS.items() if data_sets[role]}
    for name in DATA_SETS.values():
        quantities[f"slow_down_{name}"], quantities[f"error_{name}"] = found.get(name, (np.nan, np.nan))
    kinds = ("true", "shuffled_pixels", "random_pixels", "gaussian")
    names = {"true": "true labels"}
    costs = {names.get(kind, kind.replace("_", " ")): inputs.curves("train/cost", inputs=kind) for kind in kinds}
    costs["random labels"] = labels.curves("train/cost", fraction=fractions[-1])
    pictures = {"figure1": figure1(costs, fractions, epochs / epochs[0], errors), "data": factor_by_error(found)}
    return Findings(quantities, pictures)


def true_and_random(nets: Networks) -> tuple[NDArray, NDArray]:
    """Epochs to fit random labels over those to fit true labels, and the test error with true labels; (seeds,)."""
    epochs = nets.over("fraction", epochs_to_fit)
    return epochs[-1] / epochs[0], 1 - nets.over("fraction", "test/accuracy")[0]
