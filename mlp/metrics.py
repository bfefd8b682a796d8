"""What is measured of a network after each epoch: cost and accuracy, on the training set and on the test set."""

import numpy as np
from numpy.typing import NDArray

TRAIN_METRICS = (
    "train/cost",
    "train/accuracy",
    "train/accuracy_clean",
    "train/accuracy_memorized",
    "train/accuracy_resisted",
)
TEST_METRICS = ("test/cost", "test/accuracy")


def share(hits: NDArray, among: NDArray) -> float:
    """Share of the rows `among` (n,) bool in which `hits` (n,) bool; NaN where there is no such row."""
    return float(hits[among].mean()) if among.any() else np.nan


def train_metrics(costs: NDArray, predicted: NDArray, given: NDArray, true: NDArray) -> dict[str, float]:
    """Cost and accuracies on a training set some of whose labels may be wrong.

    Parameters
    ----------
    costs : (n,) each example's cost, against the given label
    predicted, given, true : (n,) int
        The network's answer, the label that it was trained on, and the right one.

    Returns
    -------
    dict
        ``accuracy`` against the given labels; ``accuracy_clean`` the same on the rows whose given label is right;
        on the rows whose given label is wrong, ``accuracy_memorized`` against the given label and
        ``accuracy_resisted`` against the right one. NaN for a share of no rows.
    """
    wrong = given != true
    return {
        "train/cost": float(costs.mean()),
        "train/accuracy": float((predicted == given).mean()),
        "train/accuracy_clean": share(predicted == given, ~wrong),
        "train/accuracy_memorized": share(predicted == given, wrong),
        "train/accuracy_resisted": share(predicted == true, wrong),
    }
