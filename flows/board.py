"""A folder by which a sweep and its stacks, in whatever process they train, tell each other how far they are."""

import json
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Stopped(Exception):
    """Someone asked the sweep to stop."""


@dataclass(frozen=True)
class Board:
    """Progress of each stack, and the wish to stop.

    Parameters
    ----------
    folder : Path
        Files replace each other in one step, so that a reader never sees half of one.
    """

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mlp-sweep-")))

    def write(self, name: str, **state: Any) -> None:
        """Put up the state of the sweep or of one of its stacks."""
        if not self.folder.exists():
            return  # on another machine than the sweep's, nobody would read it
        draft = self.folder / f"{name}.draft"
        draft.write_text(json.dumps(state))
        draft.replace(self.folder / f"{name}.json")

    def read(self) -> dict[str, dict[str, Any]]:
        """All states, by name."""
        return {path.stem: json.loads(path.read_text()) for path in self.folder.glob("*.json")}

    def stop(self) -> None:
        """Ask all stacks to end after the epoch that they are in."""
        (self.folder / "stop").touch()

    def stopped(self) -> bool:
        """Whether someone asked to stop."""
        return (self.folder / "stop").exists()

    def wait(self, seconds: float) -> None:
        """Wait, but not for long when someone asks to stop."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopped():
            time.sleep(0.2)

    def check(self) -> None:
        """Raise Stopped if someone asked to stop."""
        if self.stopped():
            raise Stopped("interrupted")


_watched: ContextVar[Board | None] = ContextVar("watched", default=None)


@contextmanager
def new_board() -> Iterator[Board]:
    """A board for the sweeps that this thread runs in the block."""
    board = Board()
    token = _watched.set(board)
    try:
        yield board
    finally:
        _watched.reset(token)
        shutil.rmtree(board.folder, ignore_errors=True)


@contextmanager
def board_of_sweep() -> Iterator[Board]:
    """The board that whoever started this sweep watches, or a new one."""
    if board := _watched.get():
        yield board
    else:
        with new_board() as board:
            yield board


@contextmanager
def stop_on_interrupt(board: Board) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM ask the stacks to end, so that open runs are closed; a second Ctrl-C ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return

    def stop(number, frame) -> None:
        board.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
