"""A multilayer perceptron in NumPy, and measures of what it learns and memorizes."""

from typing import TYPE_CHECKING

from mlp.data import DataFallback, Dataset, DataUnavailable, load
from mlp.descent import Descent, descend, train
from mlp.engine.stack import History, train_stack
from mlp.network import Layer, Network, Parameters, central_differences, flatten, unflatten
from mlp.randomness import generator

if TYPE_CHECKING:
    from mlp.classifier import MLPClassifier

__all__ = [
    "DataFallback", "DataUnavailable", "Dataset", "Descent", "History", "Layer", "MLPClassifier", "Network",
    "Parameters", "central_differences", "descend", "flatten", "generator", "load", "train", "train_stack",
    "unflatten",
]  # fmt: skip


def __getattr__(name: str) -> type:
    """Import scikit-learn, which takes a second, only when the estimator is used."""
    if name == "MLPClassifier":
        from mlp.classifier import MLPClassifier

        return MLPClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
