"""Processes of this machine that train stacks."""

import os
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Self

from flows.platform.system import end_signals, end_signals_held


class WorkerDied(Exception):
    """A worker process was killed during a call."""


@dataclass(frozen=True)
class CallEnded:
    """The last message of a call in a worker process: its result, or what it raised."""

    result: Any = None
    error: Exception | None = None


class Worker:
    """A process that is starting or running, and the pipe to it."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.pipe, other_end = context.Pipe()
        self.process = context.Process(target=work, args=(other_end,), daemon=True)
        with end_signals_held():  # Ctrl-C also reaches a process that has only just started
            self.process.start()
        other_end.close()  # now the process alone has it, and the pipe ends with the process

    def call(self, function: Callable[..., Any], arguments: tuple, on_report: Callable[[Any], None]) -> Any:
        """Call a function in the process; see `WorkerProcesses.run`."""
        with suppress(OSError):  # if the process is gone, nothing comes back either
            self.pipe.send((function, arguments))
        while not isinstance(message := self.receive(), CallEnded):
            on_report(message)
        if message.error:
            raise message.error
        return message.result

    def receive(self) -> Any:
        """The next message of the process."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):  # at the end of the pipe, or in the middle of a message
            raise WorkerDied from None

    def end(self) -> None:
        """End the process at once: it holds nothing that would be lost."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class WorkerProcesses:
    """Processes that train a stack each; threads would gain almost nothing on steps this short.

    Each has a pipe of its own, so that a process that is killed takes only its own stack with it. In a pool it could
    take a lock of the others with it, which would then wait for ever.
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

    def run(self, function: Callable[..., Any], *arguments: Any, on_report: Callable[[Any], None]) -> Any:
        """Call a function in a process, as soon as one is free, with what sends its reports as the last argument.

        Parameters
        ----------
        on_report : callable
            Called here, in this thread, with each report. What it raises ends the call.

        Raises
        ------
        WorkerDied
            If the process was killed; another one takes its place.
        """
        worker = self.free.get()
        try:
            worker = worker or Worker()
            return worker.call(function, arguments, on_report)
        except BaseException:
            if worker:
                worker.end()
            worker = None
            raise
        finally:
            self.free.put(worker)


def work(pipe: Connection) -> None:
    """Make, in a worker process, the calls that come through the pipe, until this process or that of the flow ends.

    Ctrl-C and cancellation reach every process; the flow handles them.
    """
    for number in end_signals():
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, name="end with parent", daemon=True).start()
    with suppress(EOFError, OSError):  # the flow wants no more
        while True:
            function, arguments = pipe.recv()
            pipe.send(ended(function, *arguments, pipe.send))


def ended(function: Callable[..., Any], *arguments: Any) -> CallEnded:
    """The end of a call of a function."""
    try:
        return CallEnded(function(*arguments))
    except Exception as error:  # noqa: BLE001  # the flow raises it again
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return CallEnded(error=error)


def end_with_parent() -> None:
    """End this worker process as soon as its parent process ends, even if that was killed."""
    parent = parent_process()
    assert parent is not None, "for worker processes only"
    parent.join()
    os._exit(1)
