"""Claims of Zhang et al. 2016, "Understanding deep learning requires rethinking generalization" (arXiv 1611.03530)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlp import figures
from mlp.claims.findings import (
    Findings,
    TrainedNetwork,
    curves_over_seeds,
    final,
    lowest_final,
    over_seeds,
    select,
    values_of,
)
from mlp.memorization import CurveShape, curve_shape, epochs_to


def epochs_to_fit(net: TrainedNetwork) -> float:
    """Epochs to a training accuracy of 1; NaN if it was not reached."""
    return float(epochs_to(net.curve("train/accuracy"), 1.0))


def slow_down(nets: list[TrainedNetwork], **attributes: Any) -> NDArray:
    """Epochs to fit shuffled labels divided by epochs to fit true labels, for each seed."""
    shuffled, true = (over_seeds(nets, epochs_to_fit, fraction=fraction, **attributes) for fraction in (1, 0))
    return shuffled / true


def labels(wide: list[TrainedNetwork], lesson: list[TrainedNetwork]) -> Findings:
    """Fit true and shuffled labels of more and more images with a wide network, and of all with the lesson's."""
    rows = values_of(wide, "rows")
    most = rows[-1]
    quantities = {
        "images": float(most),
        "fit_shuffled": over_seeds(wide, final("train/accuracy"), fraction=1, rows=most),
        "fit_shuffled_any": lowest_final(select(wide, fraction=1), "train/accuracy"),
        "fit_true": over_seeds(wide, final("train/accuracy"), fraction=0, rows=most),
        "test_shuffled": over_seeds(wide, final("test/accuracy"), fraction=1, rows=most),
        "test_true": over_seeds(wide, final("test/accuracy"), fraction=0, rows=most),
        "slow_down_fewest": slow_down(wide, rows=rows[0]),
        "slow_down_most": slow_down(wide, rows=most),
        "lesson_images": float(lesson[0].rows),
        "lesson_plateau": over_seeds(lesson, final("train/accuracy")),
    }
    fractions = {"true": 0, "shuffled": 1}
    accuracy = {
        name: curves_over_seeds(wide, "train/accuracy", fraction=fraction, rows=most)
        for name, fraction in fractions.items()
    }
    epochs = {
        name: np.array([over_seeds(wide, epochs_to_fit, fraction=fraction, rows=n) for n in rows])
        for name, fraction in fractions.items()
    }
    pictures = {
        "fit": figures.curves_figure(accuracy, "accuracy on the training labels"),
        "epochs": figures.convergence(rows, epochs, "training images"),
    }
    return Findings(quantities, pictures)


def corruption(inputs: list[TrainedNetwork], labels: list[TrainedNetwork]) -> Findings:
    """Figure 1: (a) five kinds of training set, (b) time to fit and (c) test error against the corrupted fraction."""
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
    }
    kinds = {"true labels": "true", "shuffled pixels": "shuffled_pixels", "random pixels": "random_pixels",
             "gaussian": "gaussian"}  # fmt: skip
    costs = {name: curves_over_seeds(inputs, "train/cost", inputs=kind) for name, kind in kinds.items()}
    costs["random labels"] = curves_over_seeds(labels, "train/cost", fraction=fractions[-1])
    return Findings(quantities, {"figure1": figures.zhang_figure1(costs, fractions, epochs / epochs[0], errors)})


def rank_correlation(fractions: list[float], values: NDArray) -> NDArray:
    """Spearman's correlation of values (fractions, seeds) with the fraction, (seeds,); NaN for constant values."""
    return np.array([stats.spearmanr(fractions, v).statistic if np.ptp(v) > 0 else np.nan for v in values.T])


def curves(wide: list[TrainedNetwork]) -> Findings:
    """Shape of the training accuracy's curve on true and on shuffled labels."""

    def shape_of(net: TrainedNetwork) -> CurveShape:
        return curve_shape(net.curve("train/accuracy"))

    quantities: dict[str, Any] = {}
    accuracy = {}
    for name, fraction in (("true", 0), ("shuffled", 1)):
        early = over_seeds(wide, lambda net: shape_of(net).early_share, fraction=fraction)
        line = over_seeds(wide, lambda net: shape_of(net).r_squared, fraction=fraction)
        epochs = over_seeds(wide, epochs_to_fit, fraction=fraction)
        quantities |= {f"{name}_early": early, f"{name}_line": line, f"{name}_epochs": epochs}
        accuracy[name] = curves_over_seeds(wide, "train/accuracy", fraction=fraction)
    quantities |= {
        "early_apart": quantities["true_early"] - quantities["shuffled_early"],
        "line_apart": quantities["shuffled_line"] - quantities["true_line"],
    }
    return Findings(quantities, {"shape": figures.curve_shapes(accuracy)})
