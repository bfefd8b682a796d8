"""Shuffled labels are fitted as well as true ones (Zhang et al. 2016, arXiv 1611.03530)."""

from typing import Any

from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, epochs_to_fit


def measure(wide: Networks, lesson: Networks) -> Findings:
    """Fit true and shuffled labels of more and more images with a wide network, and of all with the lesson's."""
    rows = wide.values("rows")
    most = rows[-1]
    quantities = {
        "images": float(most),
        "fit_shuffled": wide.over_seeds("train/accuracy", fraction=1, rows=most),
        "fit_shuffled_any": wide.select(fraction=1).lowest("train/accuracy"),
        "fit_true": wide.over_seeds("train/accuracy", fraction=0, rows=most),
        "test_shuffled": wide.over_seeds("test/accuracy", fraction=1, rows=most),
        "test_true": wide.over_seeds("test/accuracy", fraction=0, rows=most),
        "slow_down_fewest": slow_down(wide, rows=rows[0]),
        "slow_down_most": slow_down(wide, rows=most),
        "lesson_images": float(lesson[0].rows),
        "lesson_plateau": lesson.over_seeds("train/accuracy"),
    }
    fractions = {"true": 0, "shuffled": 1}
    accuracy = {
        name: wide.curves("train/accuracy", fraction=fraction, rows=most) for name, fraction in fractions.items()
    }
    epochs = {name: wide.over("rows", epochs_to_fit, fraction=fraction) for name, fraction in fractions.items()}
    pictures = {
        "fit": figures.curves_figure(accuracy, "accuracy on the training labels"),
        "epochs": figures.convergence(rows, epochs, "training images"),
    }
    return Findings(quantities, pictures)


def slow_down(nets: Networks, **attributes: Any) -> NDArray:
    """Epochs to fit shuffled labels divided by epochs to fit true labels, for each seed."""
    shuffled, true = (nets.over_seeds(epochs_to_fit, fraction=fraction, **attributes) for fraction in (1, 0))
    return shuffled / true
