"""A server ends when the process that started it ends, even if that process was killed.

``python -m flows.platform.supervisor SECONDS COMMAND …`` runs a command until it ends or standard input is closed. Then
it asks all descendants to end, and kills those that are left after so many seconds. Standard input is a pipe from the
process that called `start`: the system closes it when that process ends, in whatever way.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil

from flows.platform.system import APART, adopt_orphans, bound_to_this_process, end_signals


def start(command: list[str], grace_seconds: float, log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a command under a supervisor. Closing its standard input (``communicate()``) ends the command.

    Parameters
    ----------
    grace_seconds : float
        Time that the command and its descendants have to end after SIGTERM.
    log : Path
        File to which their output is appended.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.platform.supervisor", str(grace_seconds), *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            **APART,
        )


def main(grace_seconds: float, command: list[str]) -> int:
    # This process ends when its standard input is closed, not earlier. A child inherits SIG_IGN, but not a handler.
    for number in end_signals():
        signal.signal(number, lambda number, frame: None)
    adopt_orphans()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **bound_to_this_process())
    closed = threading.Event()

    def end_with_input() -> None:
        while os.read(0, 1024):
            pass
        closed.set()
        end_descendants(grace_seconds)

    watcher = threading.Thread(target=end_with_input, daemon=True)
    watcher.start()
    code = process.wait()
    if closed.is_set():
        watcher.join()
    else:
        end_descendants(grace_seconds)  # a worker of a dead server would keep the port
    return code if code >= 0 else 128 - code  # as a shell reports the signal that ended a program


def end_descendants(grace_seconds: float) -> None:
    """End all descendants of this process, also those in process groups of their own."""
    family = psutil.Process().children(recursive=True)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
