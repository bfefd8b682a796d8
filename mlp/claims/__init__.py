"""The claims of the lesson and of the papers after it, each measured by one function.

The arguments of the function are the experiments of the claim's file in `flows/claims`; the file also says what the
source reports and which values of a quantity count as reproduced.
"""

from collections.abc import Callable

from mlp.claims import (
    arpit,
    belkin,
    choromanska,
    entezari,
    lesson,
    noise,
    pictures,
    regularization,
    sensitivity,
    shapes,
    toneva,
    zhang,
    zhang_theory,
)
from mlp.claims.findings import Findings, TrainedNetwork, estimate, holds

# The only list of claims, in the order in which they are shown.
CLAIMS: dict[str, Callable[..., Findings]] = {
    "parameters": lesson.parameters,
    "noise": noise.noise,
    "weights": pictures.weights,
    "gradient": lesson.gradient,
    "labels": zhang.labels,
    "corruption": zhang.corruption,
    "difficulty": arpit.difficulty,
    "sensitivity": sensitivity.sensitivity,
    "critical": arpit.critical,
    "capacity": arpit.capacity,
    "curves": shapes.curves,
    "best": lesson.best,
    "minima": choromanska.minima,
    "valleys": lesson.valleys,
    "expressivity": zhang_theory.expressivity,
    "implicit": zhang_theory.implicit,
    "patterns_first": arpit.patterns_first,
    "regularization": regularization.regularization,
    "forgetting": toneva.forgetting,
    "double_descent": belkin.double_descent,
    "connectivity": entezari.connectivity,
}

__all__ = ["CLAIMS", "Findings", "TrainedNetwork", "estimate", "holds"]
