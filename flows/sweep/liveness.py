"""Which process owns a sweep, and whether it is still alive: whether a sweep is running or was interrupted."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.platform.identity import is_running, this_process
from flows.store.failures import STORE_ERRORS
from flows.sweep.progress import ProgressFolder, Stopped
from flows.sweep.states import describe, share_done

OWNER, HEARTBEAT, PROGRESS = "owner", "heartbeat", "progress"  # tags of a sweep's parent run
HEARTBEAT_SECONDS = 10.0
REPORT_SECONDS = 2.0  # how long the end of a sweep waits for a report: Prefect's server may hang
# On another machine only the heartbeat can be seen; the clocks may differ.
SILENCE_SECONDS = 300.0


def is_alive(sweep: Run) -> bool:
    """Whether the process that owns the parent run of a sweep is alive."""
    owner = sweep.data.tags.get(OWNER)
    if owner is None:
        return False
    here = is_running(owner)
    return time.time() - float(sweep.data.tags[HEARTBEAT]) < SILENCE_SECONDS if here is None else here


def ownership() -> dict[str, str]:
    """Tags that make this process the owner of a sweep's parent run."""
    return {OWNER: this_process(), HEARTBEAT: f"{time.time():.0f}"}


@contextmanager
def heartbeat(
    client: MlflowClient, run_id: str, progress: ProgressFolder, report: Callable[[str, float], None]
) -> Iterator[None]:
    """Renew the heartbeat of a sweep and report its progress; stacks on other machines are told if it is to stop.

    The progress is also a tag of the sweep while it runs, which can be read on every machine.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            states = progress.read()
            line = describe(states)
            with suppress(*STORE_ERRORS):  # after an outage the next beat succeeds
                client.set_tag(run_id, HEARTBEAT, f"{time.time():.0f}")
                client.set_tag(run_id, PROGRESS, line)
                if progress.stopped():
                    client.set_terminated(run_id, "KILLED")
            report(line, share_done(states))
        # In this thread, because the store may hang; a tag that remains is not shown once the sweep has ended.
        with suppress(*STORE_ERRORS):
            client.delete_tag(run_id, PROGRESS)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(REPORT_SECONDS)


class Lease:
    """Tells a stack, which may train on another machine, whether its sweep still wants it."""

    def __init__(self, client: MlflowClient, sweep_id: str, owner: str) -> None:
        self.client, self.sweep_id, self.owner = client, sweep_id, owner
        self.last_beat, self.seen = "", time.monotonic()
        self.next_check = self.seen + HEARTBEAT_SECONDS

    def check(self) -> None:
        """Raise Stopped if the sweep has ended, was taken over or has no heartbeat. Asks MLflow every few seconds."""
        if time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + HEARTBEAT_SECONDS
        try:
            sweep = self.client.get_run(self.sweep_id)
        except STORE_ERRORS:
            self.seen = time.monotonic()  # without MLflow there is no heartbeat to see
            return
        tags, here = sweep.data.tags, is_running(self.owner)
        if here is False:
            raise Stopped("the process of the sweep has ended")
        if sweep.info.status != "RUNNING" or tags[OWNER] != self.owner:
            raise Stopped("the sweep has ended, or another process took it over")
        # Of a process on this machine no heartbeat is needed; both may have been suspended for long (Ctrl-Z).
        if here or tags[HEARTBEAT] != self.last_beat:
            self.last_beat, self.seen = tags[HEARTBEAT], time.monotonic()
        elif time.monotonic() - self.seen > SILENCE_SECONDS:
            raise Stopped("the heartbeat of the sweep stopped")
