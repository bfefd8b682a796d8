"""The file of a trained network's parameters: arrays W0, b0, W1, b1 … in NumPy's .npz format, without pickle."""

from collections.abc import Callable, Mapping
from io import BytesIO
from itertools import count, pairwise, takewhile
from os import PathLike
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mlp.nn.network import Layer, Parameters

T = TypeVar("T")


def to_arrays(parameters: Parameters) -> dict[str, NDArray]:
    """Weights and biases by name: ``W0`` (fan_in, fan_out) and ``b0`` (fan_out,) lead into the first layer."""
    arrays: dict[str, NDArray] = {}
    for depth, (weights, biases) in enumerate(parameters):
        arrays |= {f"W{depth}": weights, f"b{depth}": biases}
    return arrays


def from_arrays(arrays: Mapping[str, NDArray]) -> Parameters:
    """The inverse of `to_arrays`; other names are left out."""
    depths = takewhile(lambda depth: f"W{depth}" in arrays, count())
    return [Layer(arrays[f"W{depth}"], arrays[f"b{depth}"]) for depth in depths]


def write_weights(path: str | PathLike[str], parameters: Parameters) -> None:
    """Write a weights file."""
    np.savez(path, allow_pickle=False, **to_arrays(parameters))


def read_weights(path: str | PathLike[str]) -> Parameters:
    """Read a weights file.

    Raises
    ------
    FileNotFoundError
    ValueError
        If the file is damaged, or holds something else.
    """
    parameters = read_arrays(path, "weights", from_arrays)
    numbers = all(np.asarray(array).dtype.kind == "f" and np.size(array) for layer in parameters for array in layer)
    fitting = all(np.ndim(weights) == 2 and np.shape(biases) == weights.shape[1:] for weights, biases in parameters)
    if not (
        parameters and numbers and fitting and all(a.biases.size == len(b.weights) for a, b in pairwise(parameters))
    ):
        raise ValueError(f"weights: {path} holds no network; allowed: arrays W0, b0, W1 …")
    return parameters


def read_arrays(path: str | PathLike[str], content: str, convert: Callable[[Mapping[str, NDArray]], T]) -> T:
    """What a function makes of the arrays in an .npz file, which is read without pickle.

    Parameters
    ----------
    content : str
        What the file should hold, for the message of an error.

    Raises
    ------
    FileNotFoundError
    ValueError
        If the file is damaged.
    """
    bytes_of_file = BytesIO(Path(path).read_bytes())
    try:
        with np.load(bytes_of_file, allow_pickle=False) as arrays:
            return convert(arrays)
    except Exception as error:  # zipfile and NumPy raise a dozen types for damaged bytes, even OSError and MemoryError
        raise ValueError(f"{content}: {path} is damaged ({error or type(error).__name__})") from error
