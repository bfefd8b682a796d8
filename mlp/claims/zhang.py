"""Claims of Zhang et al. 2016, "Understanding deep learning requires rethinking generalization" (arXiv 1611.03530)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlp import figures
from mlp.claims.findings import Findings, Run, curves, final, over_seeds, values_of, where, worst
from mlp.memorization import CurveShape, curve_shape, epochs_to


def epochs_to_fit(run: Run) -> float:
    """Epochs until every training label was answered as given; NaN if that never happened."""
    return float(epochs_to(run.curve("train/accuracy"), 1.0))


def slow_down(runs: list[Run], **wanted) -> NDArray:
    """Epochs to fit shuffled labels over epochs to fit the true ones, seed by seed."""
    return over_seeds(runs, epochs_to_fit, fraction=1, **wanted) / over_seeds(runs, epochs_to_fit, fraction=0, **wanted)


def labels(wide: list[Run], lesson: list[Run]) -> Findings:
    """Fit true and shuffled labels of more and more images, and as many as there are with the lesson's network."""
    rows = values_of(wide, "rows")
    most = rows[-1]
    quantities = {
        "images": float(most),
        "fit_shuffled": over_seeds(wide, final("train/accuracy"), fraction=1, rows=most),
        "fit_shuffled_any": worst(where(wide, fraction=1), "train/accuracy"),
        "fit_true": over_seeds(wide, final("train/accuracy"), fraction=0, rows=most),
        "test_shuffled": over_seeds(wide, final("test/accuracy"), fraction=1, rows=most),
        "test_true": over_seeds(wide, final("test/accuracy"), fraction=0, rows=most),
        "slow_down_fewest": slow_down(wide, rows=rows[0]),
        "slow_down_most": slow_down(wide, rows=most),
        "lesson_images": float(lesson[0].rows),
        "lesson_plateau": over_seeds(lesson, final("train/accuracy")),
    }
    by_labels = {
        name: curves(wide, "train/accuracy", fraction=fraction, rows=most)
        for name, fraction in (("true", 0), ("shuffled", 1))
    }
    epochs = {
        name: np.array([over_seeds(wide, epochs_to_fit, fraction=fraction, rows=n) for n in rows])
        for name, fraction in (("true", 0), ("shuffled", 1))
    }
    pictures = {
        "fit": figures.curves_figure(by_labels, "accuracy on the training labels"),
        "epochs": figures.convergence(rows, epochs, "training images"),
    }
    return Findings(quantities, pictures)


def corruption(inputs: list[Run], labels: list[Run]) -> Findings:
    """Figure 1: (a) five kinds of training set, (b) the time to fit and (c) the test error against spoiled labels."""
    fractions = values_of(labels, "fraction")
    epochs = np.array([over_seeds(labels, epochs_to_fit, fraction=p) for p in fractions])
    errors = 1 - np.array([over_seeds(labels, final("test/accuracy"), fraction=p) for p in fractions])
    by_inputs = {kind: over_seeds(inputs, epochs_to_fit, inputs=kind) for kind in values_of(inputs, "inputs")}
    quantities = {
        "fit_worst": worst([*inputs, *labels], "train/accuracy"),
        "slow_down": epochs[-1] / epochs[0],
        "slower_with_p": rank_correlation(fractions, epochs),
        "error_random": errors[-1],
        "error_with_p": rank_correlation(fractions, errors),
        "labels_over_pixels": epochs[-1] / by_inputs["random_pixels"],
        "labels_over_gaussian": epochs[-1] / by_inputs["gaussian"],
        "shuffled_pixels_over_true": by_inputs["shuffled_pixels"] / by_inputs["true"],
    }
    costs = {
        "true labels": curves(inputs, "train/cost", inputs="true"),
        "shuffled pixels": curves(inputs, "train/cost", inputs="shuffled_pixels"),
        "random pixels": curves(inputs, "train/cost", inputs="random_pixels"),
        "gaussian": curves(inputs, "train/cost", inputs="gaussian"),
        "random labels": curves(where(labels, fraction=fractions[-1]), "train/cost"),
    }
    return Findings(quantities, {"figure1": figures.zhang(costs, fractions, epochs / epochs[0], errors)})


def rank_correlation(fractions: list[float], values: NDArray) -> NDArray:
    """Spearman's correlation with the fraction, seed by seed: 1 where values (fractions, seeds) only ever grow."""
    varies = np.ptp(values, axis=0) > 0
    return np.array(
        [
            stats.spearmanr(fractions, column).statistic if v else np.nan
            for column, v in zip(values.T, varies, strict=True)
        ]
    )


def shapes(wide: list[Run]) -> Findings:
    """How the training accuracy climbs to its end on true and on shuffled labels."""

    def shape_of(run: Run) -> CurveShape:
        return curve_shape(run.curve("train/accuracy"))

    quantities: dict[str, Any] = {}
    shown = {}
    for name, fraction in (("true", 0), ("shuffled", 1)):
        early = over_seeds(wide, lambda run: shape_of(run).early_share, fraction=fraction)
        line = over_seeds(wide, lambda run: shape_of(run).r_squared, fraction=fraction)
        epochs = over_seeds(wide, epochs_to_fit, fraction=fraction)
        quantities |= {f"{name}_early": early, f"{name}_line": line, f"{name}_epochs": epochs}
        shown[name] = curves(wide, "train/accuracy", fraction=fraction)
    quantities |= {
        "early_apart": quantities["true_early"] - quantities["shuffled_early"],
        "line_apart": quantities["shuffled_line"] - quantities["true_line"],
    }
    return Findings(quantities, {"shape": figures.shapes(shown)})
