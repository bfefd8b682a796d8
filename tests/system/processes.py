"""The processes of a command that is being tested, any of which may end at any moment."""

import psutil


def command_line(process: psutil.Process) -> list[str]:
    """The command line of a process; empty if it has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # a zombie is one, too
        return []


def descendants(pid: int) -> list[psutil.Process]:
    """The living processes that a process has started, directly or not; none if it has ended."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
