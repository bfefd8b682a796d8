"""Who owns a sweep, and whether that process still lives: what tells an interrupted sweep from one that trains."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import parent_process

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.board import Board, Stopped
from flows.owner import runs_here, this_process
from flows.tracking import STORE_ERRORS

OWNER, HEARTBEAT = "owner", "heartbeat"  # tags of a sweep's parent run
HEARTBEAT_SECONDS = 10.0
# From another machine only the heartbeat can be seen; its clock may differ from this one's.
SILENCE_SECONDS = 300.0


def is_alive(sweep: Run) -> bool:
    """Whether the process that owns a sweep's parent run still lives."""
    owner = sweep.data.tags.get(OWNER)
    if owner is None:
        return False
    here = runs_here(owner)
    return time.time() - float(sweep.data.tags[HEARTBEAT]) < SILENCE_SECONDS if here is None else here


def ownership() -> dict[str, str]:
    """Tags by which this process takes a sweep's parent run as its own."""
    return {OWNER: this_process(), HEARTBEAT: f"{time.time():.0f}"}


@contextmanager
def heartbeat(client: MlflowClient, run_id: str, board: Board) -> Iterator[None]:
    """Renew a sweep's heartbeat while the block runs, and pass on to stacks on other machines that it is to stop."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            with suppress(*STORE_ERRORS):  # an outage passes, and the next beat tells again
                client.set_tag(run_id, HEARTBEAT, f"{time.time():.0f}")
                if board.stopped():
                    client.set_terminated(run_id, "KILLED")

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Lease:
    """What a stack goes by that may run on another machine: is its sweep still the one that it trains for?"""

    def __init__(self, client: MlflowClient, sweep_id: str, owner: str) -> None:
        self.client, self.sweep_id, self.owner = client, sweep_id, owner
        self.last_beat, self.heard = "", time.monotonic()
        self.next_check = self.heard + HEARTBEAT_SECONDS

    def check(self) -> None:
        """Raise Stopped if the sweep was ended, or taken over, or its heart beats no more. Asks every few seconds."""
        if time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + HEARTBEAT_SECONDS
        try:
            sweep = self.client.get_run(self.sweep_id)
        except STORE_ERRORS:
            self.heard = time.monotonic()  # while nothing can be heard, silence means nothing
            return
        tags = sweep.data.tags
        if sweep.info.status != "RUNNING" or tags[OWNER] != self.owner:
            raise Stopped("the sweep was ended, or taken over by another process")
        if tags[HEARTBEAT] != self.last_beat:
            self.last_beat, self.heard = tags[HEARTBEAT], time.monotonic()
        elif time.monotonic() - self.heard > SILENCE_SECONDS:
            raise Stopped("the sweep's process fell silent")


def end_with_parent() -> None:
    """Have this worker process end at once when the process that started it does, even if that was killed."""
    parent = parent_process()
    assert parent is not None, "for worker processes only"

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()
