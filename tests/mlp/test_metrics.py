"""The accuracies of a training set some of whose labels are wrong."""

import numpy as np
import pytest

from mlp.metrics import TRAIN_METRICS, train_metrics


def test_rows_with_wrong_labels_are_memorized_or_resisted_or_neither():
    metrics = train_metrics(
        costs=np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
        #             clean:         wrong label:
        #             right  missed  memorized  resisted  neither
        true=np.array([0, 1, 2, 3, 4]),
        given=np.array([0, 1, 7, 8, 9]),
        predicted=np.array([0, 5, 7, 3, 6]),
    )
    assert metrics == pytest.approx(
        {
            "train/cost": 3,
            "train/accuracy": 2 / 5,
            "train/accuracy_clean": 1 / 2,
            "train/accuracy_memorized": 1 / 3,
            "train/accuracy_resisted": 1 / 3,
        }
    )


def test_without_wrong_labels_nothing_can_be_memorized_or_resisted():
    labels = np.array([0, 1, 2])
    metrics = train_metrics(np.zeros(3), labels, labels, labels)
    assert metrics["train/accuracy"] == metrics["train/accuracy_clean"] == 1
    assert np.isnan(metrics["train/accuracy_memorized"])
    assert np.isnan(metrics["train/accuracy_resisted"])


def test_without_right_labels_there_is_no_clean_row():
    metrics = train_metrics(np.zeros(2), np.array([0, 1]), np.array([0, 0]), np.array([1, 1]))
    assert np.isnan(metrics["train/accuracy_clean"])
    assert metrics["train/accuracy_memorized"] == 1 / 2


def test_train_metrics_are_the_named_ones():
    assert tuple(train_metrics(*[np.zeros(1)] * 4)) == TRAIN_METRICS
