"""The folder through which a sweep and its stacks, in whatever process, share progress and the wish to stop."""

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from flows.plan.cell import Cell
from flows.plan.stacks import seconds_of, title
from flows.platform.temporary import temporary_files_in_store
from flows.sweep.states import State, States


class Stopped(Exception):
    """The sweep was asked to stop."""


@dataclass(frozen=True)
class ProgressFolder:
    """The progress of the sweep and of each stack, one JSON file each, and the wish to stop.

    Parameters
    ----------
    folder : Path
        Files are replaced in one step, so that no reader sees half of one.
    """

    folder: Path

    def write(self, name: str, **state: Any) -> None:
        """Write the state of the sweep or of one of its stacks, with the time."""
        draft = self.folder / f"{name}.draft"
        with suppress(OSError):  # on another machine there is no such folder, and nobody who would read it
            draft.write_text(json.dumps(state | {"time": time.time()}))
            draft.replace(self.folder / f"{name}.progress")

    def read(self) -> States:
        """All states, by name."""
        return {path.stem: json.loads(path.read_text()) for path in self.folder.glob("*.progress")}

    def stop(self) -> None:
        """Ask all stacks to stop after their current epoch."""
        (self.folder / "stop").touch()

    def stopped(self) -> bool:
        """Whether the sweep was asked to stop."""
        return (self.folder / "stop").exists()

    def wait(self, seconds: float) -> None:
        """Wait; return early if the sweep is asked to stop."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopped():
            time.sleep(0.2)

    @contextmanager
    def turn(self, seconds: float) -> Iterator[bool]:
        """Wait at most so long until no other stack on this machine has the turn; yields whether this one has it."""
        lock, mine = FileLock(self.folder / "turn"), True
        with suppress(OSError):  # a full disk
            try:
                if self.folder.exists():  # not on another machine
                    lock.acquire(timeout=seconds)
            except Timeout:
                mine = False
        try:
            yield mine
        finally:
            lock.release()

    def check(self) -> None:
        """Raise Stopped if the sweep was asked to stop."""
        if self.stopped():
            raise Stopped("interrupted")


def no_turns(seconds: float) -> nullcontext[bool]:
    """Instead of `ProgressFolder.turn`, where stacks do not wait for each other."""
    return nullcontext(True)


class StackProgress:
    """The state of one stack in the progress folder.

    Its fields are the `title` of the stack without its fractions, its number of `cells`, the `work` that they are (in
    seconds, as estimated), its `phase` (starting, loading, training, saving, done), its latest `epoch`, the time at
    which its training has `begun` (seconds since 1970), and the latest test accuracies of its cells by fraction of
    corrupted labels.
    """

    def __init__(self, folder: ProgressFolder, name: str, cells: Collection[Cell]) -> None:
        self.folder, self.name = folder, name
        self.fractions = [f"{cell.fraction:g}" for cell in cells]
        self.latest = np.full(len(cells), np.nan)
        self.state: State = {
            "title": title(cells, with_fractions=False),
            "cells": len(cells),
            "work": seconds_of(cells),
            "epoch": 0,
            "begun": None,
            "accuracies": self.by_fraction(),
        }

    def enter(self, phase: str) -> None:
        """Begin a phase."""
        if phase == "training":
            self.state["begun"] = time.time()
        self.state["phase"] = phase
        self.folder.write(self.name, **self.state)

    def record(self, epoch: int, accuracy: NDArray) -> None:
        """Write the test accuracy (cells,) after an epoch; where it is NaN, the cell has ended and keeps its last."""
        measured = np.isfinite(accuracy)
        self.latest[measured] = accuracy[measured]
        self.state |= {"epoch": epoch, "accuracies": self.by_fraction()}
        self.folder.write(self.name, **self.state)

    def by_fraction(self) -> dict[str, list[float]]:
        """The accuracies measured so far of the cells of each fraction."""
        found: dict[str, list[float]] = {fraction: [] for fraction in self.fractions}
        for fraction, value in zip(self.fractions, self.latest, strict=True):
            if np.isfinite(value):
                found[fraction].append(float(value))
        return found


_current: ContextVar[ProgressFolder | None] = ContextVar("progress", default=None)


@contextmanager
def new_progress() -> Iterator[ProgressFolder]:
    """A new folder for the sweeps that this thread runs in the block, and for all temporary files in the meantime."""
    with temporary_files_in_store() as folder:
        progress = ProgressFolder(folder)
        token = _current.set(progress)
        try:
            yield progress
        finally:
            _current.reset(token)


@contextmanager
def current_progress() -> Iterator[ProgressFolder]:
    """The folder of the caller of this sweep, who watches it, or else a new one."""
    if progress := _current.get():
        yield progress
    else:
        with new_progress() as progress:
            yield progress
