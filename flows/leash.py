"""``python -m flows.leash SECONDS COMMAND …`` runs a command until it ends or standard input closes.

Then all that descends from it is asked to end, and after so many seconds killed. Standard input is a pipe from whoever
started this: it closes even if that process is killed.
"""

import ctypes
import signal
import subprocess
import sys
import threading

import psutil

PR_SET_CHILD_SUBREAPER = 36  # of Linux's prctl


def main(grace_seconds: float, command: list[str]) -> int:
    # Whoever wants this process to end closes its standard input. A handler, unlike SIG_IGN, is not passed on.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    # A descendant whose parent dies becomes a child of this process, and so stays in the family.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    released = threading.Event()

    def end_with_parent() -> None:
        sys.stdin.read()
        released.set()
        end_family(grace_seconds)

    watcher = threading.Thread(target=end_with_parent, daemon=True)
    watcher.start()
    code = process.wait()
    if released.is_set():
        watcher.join()
    else:
        end_family(grace_seconds)  # a server's worker would go on, at the port that the next start wants
    return code


def end_family(grace_seconds: float) -> None:
    """End all processes that descend from this one; some are in process groups of their own."""
    family = psutil.Process().children(recursive=True)
    for process in family:
        signal_if_there(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    for process in alive:
        signal_if_there(process, signal.SIGKILL)


def signal_if_there(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
