"""Step rules, step by step against PyTorch: alone, in the readable loop and in the engine."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlp import CellJob, Dataset, Descent, Network, flatten, generator, train, train_stack, unflatten
from mlp.nn.steps import RULES

# Made by make_pytorch_oracle.py.
ORACLE = json.loads(Path(__file__).with_name("pytorch_oracle.json").read_text(encoding="utf-8"))
ROWS, NETWORK = 24, Network((9, 4, 3), "tanh", "cross_entropy")


def full_batches(rate: float, **fields) -> Descent:
    """One step per epoch, at a constant rate."""
    return Descent(rate, ROWS, 8, schedule="constant", **fields)


DESCENTS = {
    "sgd": full_batches(0.3),
    "sgd with weight decay": full_batches(0.3, weight_decay=0.1),
    "momentum": full_batches(0.1, momentum=0.9),
    "momentum with decoupled weight decay": full_batches(0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": full_batches(0.1, momentum=0.9, rule="nesterov"),
    "nesterov with decoupled weight decay": full_batches(0.1, momentum=0.9, rule="nesterov", weight_decay=0.1),
    "adam": full_batches(0.02, rule="adam"),
    "adam with decoupled weight decay": full_batches(0.02, rule="adam", weight_decay=0.1),
}
every_descent = pytest.mark.parametrize("name", DESCENTS)


def task() -> tuple[np.ndarray, np.ndarray]:
    return np.array(ORACLE["training"]["pixels"], np.uint8), np.array(ORACLE["training"]["labels"], np.uint8)


def start_of(name: str, dtype: type) -> list:
    return unflatten(np.array(ORACLE["training"]["paths"][name][0], dtype), NETWORK.sizes)


def test_every_rule_is_held_against_pytorch() -> None:
    assert {descent.rule for descent in DESCENTS.values()} == set(RULES)
    assert set(DESCENTS) == set(ORACLE["valleys"]["paths"]) == set(ORACLE["training"]["paths"])


@every_descent
def test_a_rule_takes_the_steps_that_pytorch_takes(name: str) -> None:
    curvatures, point = np.array(ORACLE["valleys"]["curvatures"]), np.array(ORACLE["valleys"]["start"])
    first, rest = point[:1].copy(), point[1:].copy()  # two arrays of one rule
    rule, path = DESCENTS[name].step_rule([first, rest]), [point]
    for _ in range(8):
        gradient = curvatures * point * (point**2 - 1)
        rule.step([gradient[:1], gradient[1:]], DESCENTS[name].learning_rate)
        point = np.concatenate([first, rest])
        path.append(point)
    np.testing.assert_allclose(path, ORACLE["valleys"]["paths"][name], rtol=1e-12)


@every_descent
def test_the_readable_loop_takes_the_steps_that_pytorch_takes(name: str) -> None:
    path: list[np.ndarray] = []
    images, labels = task()
    job = CellJob(start_of(name, np.float64), labels, DESCENTS[name], generator(0, "order"))
    train(NETWORK, job, images, lambda epoch, parameters: path.append(flatten(parameters)))
    np.testing.assert_allclose(path, ORACLE["training"]["paths"][name], rtol=1e-10)


@every_descent
@pytest.mark.parametrize("own_batches", [False, True])
def test_a_cell_of_a_stack_takes_the_steps_that_pytorch_takes(name: str, own_batches: bool) -> None:
    images, labels = task()
    data = Dataset("random", images, labels, images, labels, "")
    others = [NETWORK.initialize(generator(seed, "start")) for seed in range(2)]
    starts = [others[0], start_of(name, np.float32), others[1]]
    for steps in range(1, 9):
        descent = replace(DESCENTS[name], epochs=steps)
        jobs = [
            CellJob(start, labels, descent, generator(cell, "order") if own_batches else None)
            for cell, start in enumerate(starts)
        ]
        history = train_stack(NETWORK, jobs, data, None if own_batches else generator(0, "order"))
        expected = ORACLE["training"]["paths"][name][steps]
        np.testing.assert_allclose(flatten(history.parameters[1]), expected, rtol=1e-4, atol=1e-6)


@every_descent
def test_a_weight_without_a_gradient_moves_by_weight_decay_alone(name: str) -> None:
    images, labels = task()  # in which pixel 4 is dark
    start, descent = start_of(name, np.float64), DESCENTS[name]
    trained = train(NETWORK, CellJob(start, labels, descent, generator(0, "order")), images)
    decayed = start[0].weights[4] * (1 - descent.learning_rate * descent.weight_decay) ** 8
    np.testing.assert_allclose(trained[0].weights[4], decayed, rtol=1e-12)


@pytest.mark.parametrize(("rule", "momentum"), [("adam", 0.9), ("nesterov", 0.0)])
def test_a_momentum_that_a_rule_can_not_use_is_refused(rule: str, momentum: float) -> None:
    with pytest.raises(ValueError, match=f"^momentum: {momentum} given; allowed: .* with the rule {rule}"):
        Descent(rule=rule, momentum=momentum)
