"""Processes of this machine that train stacks."""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from multiprocessing import active_children, get_context, parent_process
from queue import SimpleQueue
from typing import Any, ParamSpec, Self, TypeVar

from flows.platform.system import end_signals, end_signals_held

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """A process that is starting or running, and the pipe through which it reports."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.reports, other_end = context.Pipe(duplex=False)
        self.executor = ProcessPoolExecutor(1, context, begin_worker, (other_end,))
        self.submit(import_training)
        other_end.close()  # now the process alone has it, and the pipe ends with the process

    def submit(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> Future[R]:
        """Call a function in the process, as soon as it is ready."""
        with end_signals_held():  # Ctrl-C also reaches a process that has only just started
            return self.executor.submit(function, *arguments, **options)

    def messages(self) -> Iterator[Any]:
        """What the process sends during a call, until the call ends or the process was killed."""
        with suppress(EOFError, OSError):  # at the end of the pipe, or in the middle of a message
            while (message := self.reports.recv()) is not None:
                yield message

    def end(self) -> None:
        """End the process, once it has nothing to do or tries to report."""
        self.reports.close()
        self.executor.shutdown(cancel_futures=True)


class WorkerProcesses:
    """Processes that train a stack each; threads would gain almost nothing on steps this short.

    Each is an executor of its own, so that a process that is killed takes only its own stack with it. In an executor of
    several it could take a lock of the others with it, which would then wait for ever.
    """

    def __init__(self, count: int) -> None:
        self.free: SimpleQueue[Worker | None] = SimpleQueue()  # None: not started yet
        for _ in range(count):
            self.free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        while not self.free.empty():
            if worker := self.free.get():
                worker.end()

    def start(self) -> None:
        """Start all of them, without waiting for it."""
        for _ in range(self.free.qsize()):
            self.free.put(self.free.get() or Worker())

    def run(self, function: Callable[..., R], *arguments: Any, on_report: Callable[[Any], None]) -> R:
        """Call a function in a process, as soon as one is free, with `report` as its last argument.

        Parameters
        ----------
        on_report : callable
            Called here, in this thread, with whatever the function passes to `report`. What it raises ends the call.

        Raises
        ------
        BrokenExecutor
            If the process was killed; another one takes its place.
        """
        worker = self.free.get()
        try:
            worker = worker or Worker()
            future = worker.submit(call, function, *arguments)
            for message in worker.messages():
                on_report(message)
            return future.result()
        except BaseException:
            if worker:
                worker.end()
            worker = None
            raise
        finally:
            self.free.put(worker)


_ahead: ContextVar[WorkerProcesses | None] = ContextVar("workers", default=None)
_to_flow: Any = None  # in a worker process, its end of the pipe to the process of the flow


def begin_worker(to_flow: Any) -> None:
    """Ignore Ctrl-C and cancellation, which the flow handles, although they reach every process; end with the flow."""
    global _to_flow
    _to_flow = to_flow
    for number in end_signals():
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()


def import_training() -> None:
    """Import what the training of a stack needs."""
    gc.disable()  # what is imported stays: searching it for garbage would take a tenth of the time
    import flows.sweep.training  # noqa: F401

    gc.freeze()
    gc.enable()


def call(function: Callable[..., R], *arguments: Any) -> R:
    """Call a function in a worker process, with what sends its reports as the last argument."""
    try:
        return function(*arguments, _to_flow.send)
    finally:
        _to_flow.send(None)


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
