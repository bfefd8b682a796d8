"""The end of a sweep that is asked to stop: by Ctrl-C, by another process, or because its terminal was closed."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from flows.platform.system import end_signals, leave_terminal
from flows.platform.temporary import remove_own
from flows.sweep.progress import Progress

LAST_SECONDS = 5.0  # from the second Ctrl-C to the end


@contextmanager
def stop_on_interrupt(progress: Progress) -> Iterator[None]:
    """Ask the stacks to stop when asked to end, so that open runs are closed; a second Ctrl-C ends at once."""

    def stop(number: int) -> None:
        if number == signal.SIGINT and progress.stopping:
            end_soon(progress)
        progress.stopping = True

    with end_signals_handled_by(stop):
        yield


@contextmanager
def all_end_signals_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt when asked to end in any way, as Ctrl-C does."""

    def interrupt(number: int) -> None:
        raise KeyboardInterrupt

    with end_signals_handled_by(interrupt):
        yield


@contextmanager
def end_signals_handled_by(react: Callable[[int], None]) -> Iterator[None]:
    """Have a function react to the signals that ask this process to end; only the main thread receives any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if number not in (signal.SIGINT, signal.SIGTERM):  # the terminal was closed
            leave_terminal()
        react(number)

    before = {number: signal.signal(number, handle) for number in end_signals()}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def end_soon(progress: Progress) -> None:
    """Interrupt the sweep; if that does not end it, end this process a few seconds later."""
    for worker in multiprocessing.active_children():
        worker.kill()
    watchdog = threading.Timer(LAST_SECONDS, end_now, (progress,))
    watchdog.daemon = True
    watchdog.start()
    raise KeyboardInterrupt


def end_now(progress: Progress) -> None:
    """End this process without waiting for anything, with the exit code of Ctrl-C, if the sweep has not ended."""
    if progress.ended:
        return
    remove_own()
    if os.isatty(1):
        os.write(1, b"\033[?25h\n")  # shows the cursor, which the progress bar hides
    os._exit(130)
