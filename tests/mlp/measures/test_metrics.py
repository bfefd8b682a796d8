"""The table of metrics, and the accuracies of a training set some of whose labels are wrong."""

import numpy as np
import pytest

from mlp.data.randomness import generator
from mlp.data.sets import Dataset
from mlp.engine.stack import train_stack
from mlp.measures.confidence import MEASURES, confidence
from mlp.measures.metrics import METRICS, Evaluation, Metric, final_metrics, measured, metric
from mlp.nn.descent import CellJob, Descent
from mlp.nn.network import Network

SHARES = ("accuracy", "accuracy_clean", "accuracy_memorized", "accuracy_resisted")


def train_metrics(costs, predicted, labels, true) -> dict[str, float]:
    answers = Evaluation(costs, predicted, labels, true)
    return measured(answers, answers)


def test_rows_with_wrong_labels_are_memorized_or_resisted_or_neither():
    metrics = train_metrics(
        costs=np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
        #             clean:         wrong label:
        #             right  missed  memorized  resisted  neither
        true=np.array([0, 1, 2, 3, 4]),
        labels=np.array([0, 1, 7, 8, 9]),
        predicted=np.array([0, 5, 7, 3, 6]),
    )
    assert metrics["train/cost"] == 3
    assert [metrics[f"train/{name}"] for name in SHARES] == pytest.approx([2 / 5, 1 / 2, 1 / 3, 1 / 3])


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


def test_the_gap_and_the_milestones_follow_from_the_curves_of_a_training_that_ended_early():
    curves = {
        "train/accuracy": np.array([0.1, 0.91, 0.95, np.nan]),
        "test/accuracy": np.array([0.1, 0.85, 0.88, np.nan]),
    }
    found = final_metrics(curves)
    assert found["generalization_gap"] == pytest.approx(0.95 - 0.88)
    assert found["epochs_to_0.9"] == 1
    assert np.isnan(found["epochs_to_0.99"])


def test_every_measure_of_confidence_has_a_row():
    answers = np.random.default_rng(0).random((20, 10))
    assert list(confidence(answers, answers)) == list(MEASURES)
    assert {f"noise/uniform/{name}" for name in MEASURES} <= set(METRICS)


def test_values_are_shown_in_their_unit():
    assert metric("test/accuracy").text(0.94911) == "94.91"
    assert metric("test/accuracy").text(-0.5, signed=True) == "−50.00"
    assert metric("test/cost").text(0.25) == "0.25"
    assert metric("test/cost").text(np.nan) == "–"
    assert metric("somebody/else's").text(0.5) == "0.5"


def test_a_row_and_a_function_are_all_that_a_new_curve_needs(monkeypatch):
    monkeypatch.setitem(
        METRICS,
        "test/ones",
        Metric("test/ones", "Answers that are 1", "ones", measure=lambda answers: (answers.predicted == 1).mean()),
    )
    rng = np.random.default_rng(0)
    images, labels = rng.integers(256, size=(20, 16), dtype=np.uint8), np.arange(20, dtype=np.uint8) % 2
    network = Network((16, 3, 2))
    data = Dataset("noise", images, labels, images, labels, "digest")
    jobs = [CellJob(network.initialize(generator(seed, "start")), labels, Descent(epochs=2)) for seed in (0, 1)]
    history = train_stack(network, jobs, data, generator(0, "order"))
    answers = [
        network.answers(parameters, images / np.float32(255)).argmax(axis=1) for parameters in history.parameters
    ]
    assert history.metrics["test/ones"][-1] == pytest.approx([(digits == 1).mean() for digits in answers])
