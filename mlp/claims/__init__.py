"""What the lesson and three papers claim, measured on trained networks: a function a claim.

Its arguments are the trained networks of the claim's experiments, by the names that they have in `flows/claims/*.yaml`;
the quantities that it finds are judged there, against what the source says.
"""

from collections.abc import Callable

from mlp.claims import arpit, choromanska, lesson, zhang
from mlp.claims.findings import Findings, Run, estimate, lies_within

CLAIMS: dict[str, Callable[..., Findings]] = {
    "parameters": lesson.parameters,
    "noise": lesson.noise,
    "weights": lesson.weights,
    "gradient": lesson.gradient,
    "best": lesson.best,
    "valleys": lesson.valleys,
    "labels": zhang.labels,
    "corruption": zhang.corruption,
    "curves": zhang.shapes,
    "difficulty": arpit.difficulty,
    "sensitivity": arpit.sensitivity,
    "critical": arpit.critical,
    "capacity": arpit.capacity,
    "minima": choromanska.minima,
}

__all__ = ["CLAIMS", "Findings", "Run", "estimate", "lies_within"]
