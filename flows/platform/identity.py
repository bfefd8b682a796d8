"""Identities of processes, by which another process can tell whether they still run."""

import os
import socket

import psutil


def this_process() -> str:
    """This process's identity: host, process id and start time, since the system uses ids again."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def is_running(identity: str) -> bool | None:
    """Tell whether a process still runs; None if it belongs to another machine, where this can't be known."""
    try:
        host, pid, started = identity.rsplit(" ", 2)
        if host != socket.gethostname():
            return None
        process = psutil.Process(int(pid))
        # Start times count from the boot, whose time the system knows to a second only.
        return abs(process.create_time() - float(started)) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):  # ValueError: somebody has edited it
        return False
