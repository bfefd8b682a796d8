"""The progress of a sweep, which the threads of its process share, and what its caller has prepared for it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flows.platform.temporary import temporary_files_in_store
from flows.sweep.events import StackEvent, StackState, SweepPlanned, SweepState

if TYPE_CHECKING:
    from flows.sweep.status import SweepStatus


class Stopped(Exception):
    """The sweep was asked to stop."""


class Progress:
    """The state of a sweep, the wish to stop it, and the lock of the stack that delivers its results.

    Attributes
    ----------
    state : SweepState
        Replaced by each event, so that whoever has read it sees no half of one.
    stopping : bool
        No `threading.Event`, whose lock the main thread may hold at the moment in which it receives a signal.
    ended : bool
        True if the sweep has ended by itself.
    delivery_lock : Lock
        With MLflow's server or a file, two stacks at once take longer than one after the other.
    """

    def __init__(self) -> None:
        self.state, self.stopping, self.ended = SweepState(), False, False
        self.delivery_lock, self.lock = threading.Lock(), threading.Lock()

    def prepare(self, text: str) -> None:
        """Say what is done before there is a plan."""
        self.state = replace(self.state, preparing=text.removesuffix(" …"))

    def plan(self, plan: SweepPlanned) -> None:
        """Begin anew with a plan."""
        self.state = SweepState(plan)

    def take(self, event: StackEvent, number: int) -> None:
        """Take an event of the stack of this number."""
        with self.lock:
            self.state = self.state.after(event, number)

    def set_stack(self, number: int, state: StackState) -> None:
        """Take the state of a stack whose events went elsewhere."""
        with self.lock:
            self.state = self.state.with_stack(number, state)

    def check(self) -> None:
        """Raise Stopped if the sweep was asked to stop."""
        if self.stopping:
            raise Stopped("interrupted")

    def wait(self, seconds: float) -> None:
        """Wait; return early if the sweep is asked to stop."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopping:
            time.sleep(0.2)


@dataclass(frozen=True)
class Prepared:
    """A sweep as its caller in the same process has prepared it; the flow's own parameters are JSON.

    Attributes
    ----------
    status : SweepStatus or None
        Which cells are missing; None if the flow has to find out.
    tracking_server : str or None
        MLflow's tracking URI. It may hold a password, and Prefect stores and shows the flow's own parameters.
    """

    progress: Progress = field(default_factory=Progress)
    status: "SweepStatus | None" = None
    tracking_server: str | None = None


_prepared: ContextVar[Prepared | None] = ContextVar("prepared", default=None)


@contextmanager
def preparing(prepared: Prepared) -> Iterator[None]:
    """Hand something to the sweep that this thread runs in the block."""
    token = _prepared.set(prepared)
    try:
        yield
    finally:
        prepared.progress.ended = True
        _prepared.reset(token)


@contextmanager
def prepared_by_caller() -> Iterator[Prepared]:
    """This sweep as its caller has prepared it; one that the service runs begins with nothing."""
    if prepared := _prepared.get():
        yield prepared
    else:
        prepared = Prepared()
        with temporary_files_in_store(), preparing(prepared):
            yield prepared
