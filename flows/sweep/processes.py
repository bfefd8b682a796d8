"""Processes of this machine that train stacks."""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing import active_children, get_context, parent_process
from queue import SimpleQueue
from typing import ParamSpec, Self, TypeVar

from flows.platform.system import end_signals, end_signals_held

P = ParamSpec("P")
R = TypeVar("R")


class WorkerProcesses:
    """Processes that train a stack each; threads would gain almost nothing on steps this short.

    Each is an executor of its own, so that a process that is killed takes only its own stack with it. In an executor of
    several it could take a lock of the others with it, which would then wait for ever.
    """

    def __init__(self, count: int) -> None:
        self.free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _ in range(count):
            self.free.put(new_worker())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        while not self.free.empty():
            self.free.get().shutdown(cancel_futures=True)

    def start(self) -> None:
        """Start all of them, without waiting for it."""
        workers = [self.free.get() for _ in range(self.free.qsize())]
        with end_signals_held():
            for worker in workers:
                worker.submit(import_training)
                self.free.put(worker)

    def run(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call a function in a process, as soon as one is free.

        Raises
        ------
        BrokenExecutor
            If the process was killed; another one has taken its place.
        """
        worker = self.free.get()
        try:
            with end_signals_held():  # Ctrl-C also reaches a process that has only just started
                future = worker.submit(function, *arguments, **options)
            return future.result()
        except BrokenExecutor:
            worker = new_worker()
            raise
        finally:
            self.free.put(worker)


_ahead: ContextVar[WorkerProcesses | None] = ContextVar("workers", default=None)


def new_worker() -> ProcessPoolExecutor:
    """A worker process; it starts with its first call."""
    with end_signals_held():
        return ProcessPoolExecutor(1, get_context("spawn"), begin_worker)


def begin_worker() -> None:
    """Ignore Ctrl-C and cancellation, which the flow handles, although they reach every process; end with the flow."""
    for number in end_signals():
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()


def import_training() -> None:
    """Import what the training of a stack needs: MLflow above all, which takes seconds."""
    gc.disable()  # what is imported stays: searching it for garbage would take a tenth of the time
    import flows.sweep.training  # noqa: F401

    gc.freeze()
    gc.enable()


@contextmanager
def started_ahead(count: int) -> Iterator[None]:
    """Have workers start now, so that they are ready when the sweep that runs in the block has stacks to train."""
    with WorkerProcesses(count) as processes:
        processes.start()
        token = _ahead.set(processes)
        try:
            yield
        finally:
            _ahead.reset(token)
            if not processes.free.empty():  # no sweep has taken them, and what they import need not be waited for
                for worker in active_children():
                    worker.kill()


def worker_processes(count: int) -> WorkerProcesses:
    """The workers that were started ahead, or else new ones; they end with the block that they are entered for."""
    ready = _ahead.get()
    _ahead.set(None)
    return ready or WorkerProcesses(count)


def end_with_parent() -> None:
    """End this worker process as soon as its parent process ends, even if that was killed."""
    parent = parent_process()
    assert parent is not None, "for worker processes only"

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()
