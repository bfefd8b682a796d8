"""A multilayer perceptron in NumPy, and measures of what it learns and memorizes."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp.data import DataFallback, Dataset, DataUnavailable, load
from mlp.descent import Descent, descend, train
from mlp.network import Layer, Network, Parameters, central_differences, flatten, unflatten
from mlp.randomness import generator

if TYPE_CHECKING:
    from mlp.classifier import MLPClassifier
    from mlp.engine.stack import History, train_stack

__all__ = [
    "DataFallback", "DataUnavailable", "Dataset", "Descent", "History", "Layer", "MLPClassifier", "Network",
    "Parameters", "central_differences", "descend", "flatten", "generator", "load", "train", "train_stack",
    "unflatten",
]  # fmt: skip


# scikit-learn takes a second to import, SciPy's linear algebra a quarter: only those wait for them who use them.
LATE = {"MLPClassifier": "mlp.classifier", "History": "mlp.engine.stack", "train_stack": "mlp.engine.stack"}


def __getattr__(name: str) -> Any:
    """Import a module when the first of its names is used."""
    if name in LATE:
        return getattr(import_module(LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
