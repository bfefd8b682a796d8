"""Programs that are kept running: servers, and the worker of the service."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.platform import supervisor
from flows.platform.health import print_line, wait_for_server

START_SECONDS = 120.0  # for a server that has just been started, on a slow disk
POLL_SECONDS, PAUSE_SECONDS = 0.5, 1.0
# After so many lives in a row that were this short, another start would not help.
SHORT_LIFE_SECONDS, MAX_SHORT_LIVES = 15.0, 3


@dataclass
class Program:
    """A program under a supervisor, so that it ends even if this process is killed.

    Attributes
    ----------
    environment : dict
        Its variables besides those of this process.
    log : Path
        File to which its output is appended.
    grace_seconds : float
        Time that it has to end when it is asked to.
    process : Popen
        Its supervisor, the latest one.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    grace_seconds: float
    process: subprocess.Popen[bytes] = field(init=False)
    started: float = 0.0
    short_lives: int = 0
    ending: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Start it, unless it was asked to end."""
        with self.lock:
            if self.ending:
                return
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.started = time.monotonic()
            environment = os.environ | self.environment
            self.process = supervisor.start(self.command, self.grace_seconds, self.log, environment)

    def wait_for(self, server: str, say: Callable[[str], object] | None) -> None:
        """Return when its server answers; see `wait_for_server`."""
        wait_for_server(server, f"{self.name} (see {self.log})", START_SECONDS, self.process, say)

    def end(self) -> None:
        """End it and its descendants for good, and return when they have ended."""
        with self.lock:
            self.ending = True
        if self.started:
            self.process.communicate()


def keep_running(programs: Sequence[Program], say: Callable[[str], object] = print_line) -> Program | None:
    """Start programs again when they end, until one is asked to end.

    Parameters
    ----------
    say : callable
        Called with a line when one has ended; by default the line goes to standard error.

    Returns
    -------
    Program or None
        The one that ended soon after its start again and again, if one did.
    """
    while True:
        time.sleep(POLL_SECONDS)
        for program in programs:
            if (code := program.process.poll()) is None:
                continue
            program.process.communicate()  # closes the pipe
            if program.ending:
                return None
            short = time.monotonic() - program.started < SHORT_LIFE_SECONDS
            program.short_lives = program.short_lives + 1 if short else 0
            if program.short_lives == MAX_SHORT_LIVES:
                return program
            say(f"{program.name} ended ({code}); started again")
            time.sleep(PAUSE_SECONDS)  # if its supervisor was killed, the program may take a moment to leave its port
            program.start()
