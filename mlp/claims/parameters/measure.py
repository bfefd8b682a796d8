"""The size of the lesson's network, its cost and its accuracy, before and after training."""

import numpy as np

from mlp import figures
from mlp.claims.findings import Findings, Networks
from mlp.nn.costs import COSTS
from mlp.nn.network import flatten

WORKED_EXAMPLE = (0.43, 0.28, 0.19, 0.88, 0.72, 0.01, 0.64, 0.86, 0.99, 0.63)  # activations for an image of a 3


def measure(lesson: Networks) -> Findings:
    """Number of parameters; cost and accuracy before and after training."""
    untrained_cost = lesson.over_seeds(lambda net: net.curve("test/cost")[0])
    cost = lesson.over_seeds("test/cost")
    answers, targets = np.array([WORKED_EXAMPLE]), np.eye(10)[[3]]
    quantities = {
        "parameters": lesson.over_seeds(lambda net: flatten(net.parameters).size),
        "worked_example": COSTS["quadratic"].value(answers, targets)[0],
        "untrained_cost": untrained_cost,
        "cost": cost,
        "cost_left": cost / untrained_cost,
        "untrained_accuracy": lesson.over_seeds(lambda net: net.curve("test/accuracy")[0]),
        "accuracy": lesson.over_seeds("test/accuracy"),
    }
    pictures = {
        "cost": figures.curves_figure({"training images": lesson.curves("train/cost")}, "cost"),
        "accuracy": figures.curves_figure({"test images": lesson.curves("test/accuracy")}, "accuracy"),
    }
    return Findings(quantities, pictures)
