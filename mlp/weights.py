"""The file of a trained network's parameters: arrays W0, b0, W1, b1 … in NumPy's .npz format, without pickle."""

from collections.abc import Mapping
from io import BytesIO
from itertools import count, pairwise, takewhile
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlp.network import Layer, Parameters


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
    content = BytesIO(Path(path).read_bytes())
    try:
        with np.load(content, allow_pickle=False) as arrays:
            parameters = from_arrays(arrays)
    except Exception as error:  # zipfile and NumPy raise a dozen types for damaged bytes, even OSError and MemoryError
        raise ValueError(f"weights: {path} is damaged ({error or type(error).__name__})") from error
    fitting = all(np.ndim(weights) == 2 and np.shape(biases) == weights.shape[1:] for weights, biases in parameters)
    if not (parameters and fitting and all(a.biases.size == len(b.weights) for a, b in pairwise(parameters))):
        raise ValueError(f"weights: {path} holds no network; allowed: arrays W0, b0, W1 …")
    return parameters
