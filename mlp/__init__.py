"""A multilayer perceptron in NumPy, and measures of what it learns and memorizes.

The names below are the public face: they keep their meaning between versions. All other modules and names of the
package are internal, and may change.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp._internals import moved  # noqa: F401
from mlp.data.preprocessing import PREPROCESSES
from mlp.data.randomness import generator
from mlp.data.sets import DataFallback, Dataset, DataUnavailable, load
from mlp.nn.descent import CellJob, Descent, descend, train
from mlp.nn.network import Layer, Network, Parameters, central_differences, flatten, unflatten
from mlp.nn.weights import read_weights, write_weights

if TYPE_CHECKING:
    from mlp.classifier import MLPClassifier
    from mlp.engine.stack import History, train_stack

# scikit-learn takes a second to import, SciPy's linear algebra a quarter: only those wait for them who use them.
_LATE = {"MLPClassifier": "mlp.classifier", "History": "mlp.engine.stack", "train_stack": "mlp.engine.stack"}

__all__ = [
    "PREPROCESSES",
    "CellJob",
    "DataFallback",
    "DataUnavailable",
    "Dataset",
    "Descent",
    "History",
    "Layer",
    "MLPClassifier",
    "Network",
    "Parameters",
    "central_differences",
    "descend",
    "flatten",
    "generator",
    "load",
    "read_weights",
    "train",
    "train_stack",
    "unflatten",
    "write_weights",
]


def __getattr__(name: str) -> Any:
    """Import a module when the first of its names is used."""
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
