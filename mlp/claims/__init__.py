"""The claims of the lesson and of the papers after it: a folder each, with its file, its measure and its own figures.

`claim.yaml` says what the source reports, what is trained, and which values of a quantity count as reproduced; its
experiments are the arguments of the function in `measure.py`. In: trained networks. Out: `Findings`. May import
`mlp.figures` and the rooms below it.
"""

from collections.abc import Callable
from importlib import import_module

from mlp.claims.findings import Findings, Networks, TrainedNetwork, estimate, holds

# The only list of claims, in the order in which they are shown.
CLAIMS = (
    "parameters",
    "noise",
    "weights",
    "gradient",
    "labels",
    "corruption",
    "difficulty",
    "sensitivity",
    "critical",
    "capacity",
    "curves",
    "best",
    "minima",
    "valleys",
    "expressivity",
    "implicit",
    "patterns_first",
    "regularization",
    "forgetting",
    "double_descent",
    "connectivity",
)

__all__ = ["CLAIMS", "Findings", "Networks", "TrainedNetwork", "estimate", "holds", "measure_of"]


def measure_of(claim: str) -> Callable[..., Findings]:
    """The function that measures a claim on the trained networks of its experiments."""
    measure: Callable[..., Findings] = import_module(f"mlp.claims.{claim}.measure").measure
    return measure
