"""A process, named so that another can tell whether it still lives."""

import os
import socket

import psutil


def this_process() -> str:
    """This process as an owner: host, process id and start time, for ids are used again."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def runs_here(owner: str) -> bool | None:
    """Whether an owner is a living process of this machine; None if it is of another."""
    host, pid, started = owner.rsplit(" ", 2)
    if host != socket.gethostname():
        return None
    try:
        process = psutil.Process(int(pid))
        # Counted from the boot, whose moment the system knows to a second only.
        return abs(process.create_time() - float(started)) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
