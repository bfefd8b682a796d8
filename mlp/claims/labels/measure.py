"""Shuffled labels are fitted as well as true ones (Zhang et al. 2016, arXiv 1611.03530)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import (
    Findings,
    TrainedNetwork,
    curves_over_seeds,
    epochs_to_fit,
    final,
    lowest_final,
    over_seeds,
    select,
    values_of,
)


def measure(wide: list[TrainedNetwork], lesson: list[TrainedNetwork]) -> Findings:
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


def slow_down(nets: list[TrainedNetwork], **attributes: Any) -> NDArray:
    """Epochs to fit shuffled labels divided by epochs to fit true labels, for each seed."""
    shuffled, true = (over_seeds(nets, epochs_to_fit, fraction=fraction, **attributes) for fraction in (1, 0))
    return shuffled / true
