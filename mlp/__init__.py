"""A multilayer perceptron in NumPy, and what it learns and memorizes. Importing it brings no scikit-learn."""

from typing import TYPE_CHECKING

from mlp.data import DataFallback, Dataset, DataUnavailable, load
from mlp.descent import Descent, descend, train
from mlp.network import Layer, Network, Parameters, central_differences, flatten, unflatten
from mlp.randomness import generator
from mlp.stack import History, train_stack

if TYPE_CHECKING:
    from mlp.classifier import MLPClassifier

__all__ = [
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
    "train",
    "train_stack",
    "unflatten",
]


def __getattr__(name: str):
    """Bring scikit-learn, which takes a second, only to who asks for the estimator."""
    if name == "MLPClassifier":
        from mlp.classifier import MLPClassifier

        return MLPClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
