"""The differences between Linux, macOS and Windows. All other code is the same on the three systems.

- Cores: on Linux those that this process may use (``taskset``, containers); elsewhere all cores of the machine.
- Signals that ask a process to end: SIGINT and SIGTERM; also SIGHUP (the terminal was closed) on Linux and macOS, and
  SIGBREAK (Ctrl-Break, or the console was closed) on Windows. Under ``nohup`` a hang-up stays ignored.
- Ctrl-C in the terminal does not reach the servers that a command starts: they run in a session of their own, on
  Windows in a process group of their own.
- To end a server and its descendants: SIGTERM, and SIGKILL for those that are left after some seconds. Windows knows
  no SIGTERM, so they end at once; a sweep that the service runs then leaves its runs open until the next sweep closes
  them.
- Descendants whose parent died: on Linux they become children of the supervisor, which ends them too; elsewhere the
  supervisor can't find them.
- If a supervisor is killed, Linux ends its server (see `flows.platform.supervisor`); elsewhere nothing does.
- Memory: glibc's thresholds are set for the workers; elsewhere the C library keeps its own, and a worker may keep
  some 60 MB more.
- Files with passwords: readable by their owner only (mode 600), which is checked; on Windows a file has the
  permissions of its folder, and they are not checked.
"""

import ctypes
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TextIO

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of Linux's prctl

# Arguments of `subprocess.Popen` for a program that the terminal's Ctrl-C does not reach.
APART: dict[str, Any]
if sys.platform == "win32":
    APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    APART = {"start_new_session": True}

# Variables that glibc reads when a process starts; other C libraries don't know them.
ALLOCATOR: dict[str, str] = {}
if sys.platform == "linux":
    ALLOCATOR = {
        # Arrays of 4 MB and more go back to the system when they are freed; else a worker takes another 60 MB for
        # each stack.
        "MALLOC_MMAP_THRESHOLD_": "4000000",
        # Smaller arrays stay: to map their pages again for every mini-batch would take a tenth of the training time.
        "MALLOC_TRIM_THRESHOLD_": "8000000",
    }


def cores() -> int:
    """Number of cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def end_signals() -> list[signal.Signals]:
    """Signals that ask this process to end; SIGHUP is left out if it is ignored, as it is under ``nohup``."""
    if sys.platform == "win32":
        return [signal.SIGINT, signal.SIGTERM, signal.SIGBREAK]
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM] + ([] if ignored else [signal.SIGHUP])


@contextmanager
def end_signals_held() -> Iterator[None]:
    """Hold back these signals in this thread, and for ever in workers that it starts; Windows can't do that."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, end_signals())
    try:
        resource_tracker.ensure_running()  # of multiprocessing; its start ends the hold of some signals
        signal.pthread_sigmask(signal.SIG_BLOCK, end_signals())
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_terminal() -> None:
    """Discard what this process prints from now on, unless it goes to a file: its terminal was closed."""
    for descriptor in (1, 2):
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def bound_to_this_process() -> dict[str, Any]:
    """Arguments of `subprocess.Popen` for a program that the kernel ends when this process dies: only Linux can."""
    if sys.platform != "linux":
        return {}
    parent = os.getpid()

    def bind() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler of this process would swallow the signal
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it has died already
            os._exit(1)

    return {"preexec_fn": bind}


def adopt_orphans() -> None:
    """Make descendants of this process its children when their parent dies, on Linux."""
    if sys.platform == "linux":
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def prctl(option: int, value: int) -> None:
    """Linux's call of this name, which Python lacks."""
    ctypes.CDLL(None).prctl(option, value)


def readable_by_others(path: Path) -> bool:
    """Return whether users other than the owner may read or write a file; on Windows False: it is not checked."""
    return sys.platform != "win32" and bool(path.stat().st_mode & 0o077)


def create_private(path: Path) -> TextIO:
    """Create a text file that only its owner can read, and open it; an existing file is replaced."""
    path.unlink(missing_ok=True)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
