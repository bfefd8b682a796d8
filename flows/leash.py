"""``python -m flows.leash SECONDS COMMAND …`` runs a command until standard input closes, then ends its family.

All are asked to end, and after so many seconds killed. Standard input is a pipe from whoever started this: it closes
even if that process is killed.
"""

import signal
import subprocess
import sys
import threading

import psutil


def main(grace_seconds: float, command: list[str]) -> int:
    # Whoever wants this process to end closes its standard input. A handler, unlike SIG_IGN, is not passed on.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
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
