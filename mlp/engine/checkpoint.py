"""The state of a stack between two epochs, in a file from which an interrupted training goes on with the same bits."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.nn.weights import read_arrays

Arrays = dict[str, NDArray]

FIRST_SECONDS = 1.0  # of training, before the first state is written
TIMES_AS_LONG = 100  # training between two writes takes at least this many times what the last one took: 1 % at most
MAX_AGE = 30 * 24 * 3600  # seconds


class Checkpoint:
    """A file that holds the latest state of a stack while it trains.

    Parameters
    ----------
    path : Path
        It must belong to this stack of cells alone. Its folder is made when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.draft = path, path.with_suffix(".draft")
        self.due = time.monotonic() + FIRST_SECONDS

    def read(self) -> Arrays:
        """The state.

        Raises
        ------
        FileNotFoundError
        ValueError
            If the file is damaged.
        """
        return read_arrays(self.path, "checkpoint", dict)

    def write(self, state: Callable[[], Arrays]) -> None:
        """Write a state if it is time to; whoever reads the file sees the old state or the new one, whole."""
        began = time.monotonic()
        if began < self.due:
            return
        with suppress(OSError):  # on a full disk, training goes on without
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.draft.open("wb") as file:
                np.savez(file, allow_pickle=False, **state())
            self.draft.replace(self.path)
        self.due = time.monotonic() + TIMES_AS_LONG * (time.monotonic() - began)

    def remove(self) -> None:
        """Remove the file of a stack that has been trained, and those of its neighbours that nobody went on with."""
        for path in (self.path, self.draft):
            path.unlink(missing_ok=True)
        for file in self.path.parent.glob("*"):
            with suppress(FileNotFoundError):  # another process may remove it at the same moment
                if time.time() - file.stat().st_mtime > MAX_AGE:
                    file.unlink()


def states_of(generators: Iterable[Generator]) -> NDArray:
    """The states of random generators, as one text."""
    return np.array(json.dumps([each.bit_generator.state for each in generators]))


def restore(generators: Iterable[Generator], states: NDArray) -> None:
    """Set generators to states from `states_of`."""
    for each, state in zip(generators, json.loads(str(states)), strict=True):
        each.bit_generator.state = state


def with_prefix(prefix: str, arrays: Mapping[str, NDArray]) -> Arrays:
    """Arrays under longer names: a prefix, a slash, and their own."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def without_prefix(prefix: str, arrays: Mapping[str, NDArray]) -> Arrays:
    """The arrays of `with_prefix` under their own names."""
    start = f"{prefix}/"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
