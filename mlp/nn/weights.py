"""The files of trained parameters and of those of earlier epochs, in NumPy's .npz format, without pickle.

A weights file has the arrays W0, b0, W1, b1 …; a snapshots file the same of each epoch, as ``3/W0``.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from itertools import count, pairwise, takewhile
from os import PathLike
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mlp.nn.network import Layer, Parameters

Snapshots = dict[int, Parameters]  # by epoch, float16

MAX_BYTES = 400_000  # of one network
STEPS = (1.3, 2, 3, 5, 8)  # and their multiples by 10, 100 …: a network changes most at first
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


def kept_epochs(epochs: int, parameter_count: int) -> list[int]:
    """The epochs after which the weights are kept: 0, 1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130 …

    Not the last one, whose weights are the result. Of a large network fewer are kept, so that they need at most
    `MAX_BYTES`; of one with more than 200,000 parameters none.
    """
    numbers = (round(step * 10**power) for power in count() for step in STEPS)
    wanted = [0, *takewhile(lambda epoch: epoch < epochs, numbers)]
    room = MAX_BYTES // (2 * parameter_count)
    places = np.linspace(0, len(wanted) - 1, min(room, len(wanted))).round().astype(int)
    return [wanted[place] for place in places]


def snapshot(parameters: Parameters) -> Parameters:
    """A copy of parameters in half the bytes (float16); weights above 65,504 become infinite."""
    with np.errstate(over="ignore"):
        return [Layer(weights.astype(np.float16), biases.astype(np.float16)) for weights, biases in parameters]


def snapshot_arrays(snapshots: Snapshots) -> dict[str, NDArray]:
    """The arrays of a snapshots file: ``3/W0`` are the first weights after epoch 3."""
    return {
        f"{epoch}/{name}": array
        for epoch, parameters in snapshots.items()
        for name, array in to_arrays(parameters).items()
    }


def from_snapshot_arrays(arrays: Mapping[str, NDArray]) -> Snapshots:
    """The inverse of `snapshot_arrays`; other names are left out."""
    by_epoch: dict[int, dict[str, NDArray]] = {}
    for name in arrays:
        epoch, slash, array = name.partition("/")
        if slash and epoch.isdigit():
            by_epoch.setdefault(int(epoch), {})[array] = arrays[name]
    return {epoch: from_arrays(by_epoch[epoch]) for epoch in sorted(by_epoch)}


def write_snapshots(path: str | PathLike[str], snapshots: Snapshots) -> None:
    """Write a snapshots file, in NumPy's .npz format, without pickle."""
    np.savez(path, allow_pickle=False, **snapshot_arrays(snapshots))


def read_snapshots(path: str | PathLike[str]) -> Snapshots:
    """Read a snapshots file.

    Raises
    ------
    FileNotFoundError
    ValueError
        If the file is damaged, or holds something else.
    """
    snapshots = read_arrays(path, "snapshots", from_snapshot_arrays)
    if not all(snapshots.values()):
        raise ValueError(f"snapshots: {path} holds no networks; allowed: arrays 0/W0, 0/b0 …")
    return snapshots
