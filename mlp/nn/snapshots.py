"""The weights of a network as it learned: after which epochs they are kept, and the file that holds them."""

from collections.abc import Mapping
from itertools import count, takewhile
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from mlp.nn.network import Layer, Parameters
from mlp.nn.weights import from_arrays, read_arrays, to_arrays

Snapshots = dict[int, Parameters]  # by epoch, float16

MAX_BYTES = 400_000  # of one network
STEPS = (1.3, 2, 3, 5, 8)  # and their multiples by 10, 100 …: a network changes most at first


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
