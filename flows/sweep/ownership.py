"""The rule which sweep trains which cell, when sweeps were interrupted or run at the same time.

The rule: the tags of a sweep's parent run in MLflow name its owner, a process, and its heartbeat; of the sweeps whose
owner is alive, the one that began first trains a cell. All else follows:

- open runs of a sweep whose owner is dead are closed, and its cells are free (`living_sweeps`);
- the next sweep of the same cells becomes the owner of its parent run (`begin_sweep`);
- a sweep leaves cells to an older one, and waits for them (`claimed`);
- a stack ends when the parent run has another owner, has ended, or shows no sign of life (`Lease`).
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from mlflow import MlflowClient
from mlflow.entities import Run

from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.platform.identity import is_running, this_process
from flows.store.artifacts import read_cells
from flows.store.failures import STORE_ERRORS
from flows.store.runs import end_run, search
from flows.store.sweeps import start_sweep, sweeps, write_plan
from flows.sweep.progress import Progress, Stopped

# Tags of a sweep's parent run.
OWNER, HEARTBEAT, BEGUN, SAME_CELLS, PROGRESS = "owner", "heartbeat", "begun", "cells", "progress"
OPEN_KINDS = ("sweep", "cell", "group")
HEARTBEAT_SECONDS = 10.0
REPORT_SECONDS = 2.0  # how long the end of a sweep waits for a report: Prefect's server may hang
# On another machine only the heartbeat can be seen; the clocks may differ.
SILENCE_SECONDS = 300.0


def ownership() -> dict[str, str]:
    """Tags that make this process the owner of a sweep's parent run."""
    return {OWNER: this_process(), HEARTBEAT: f"{time.time():.0f}"}


def is_alive(sweep: Run) -> bool:
    """Tell whether the process that owns the parent run of a sweep is alive."""
    owner = sweep.data.tags.get(OWNER)
    if owner is None:
        return False
    here = is_running(owner)
    return time.time() - moment(sweep, HEARTBEAT) < SILENCE_SECONDS if here is None else here


def moment(sweep: Run, tag: str) -> float:
    """A time in a tag, in seconds since 1970; 0 if somebody has removed or edited it."""
    with suppress(ValueError):
        return float(sweep.data.tags.get(tag, 0))
    return 0.0


def living_sweeps(client: MlflowClient, experiment_id: str) -> list[Run]:
    """Parent runs of the sweeps that are running; what others left open, whose process died, is marked KILLED."""
    open_runs = list(search(client, experiment_id, "attributes.status = 'RUNNING'"))
    living = {run.info.run_id: run for run in open_runs if run.data.tags.get("kind") == "sweep" and is_alive(run)}
    for run in open_runs:
        tags = run.data.tags
        if tags.get("kind") in OPEN_KINDS and run.info.run_id not in living and tags.get("sweep") not in living:
            end_run(client, run.info.run_id, "KILLED", "its process died")
    return list(living.values())


def begin_sweep(
    client: MlflowClient, experiment_id: str, experiment: Experiment, cells: dict[str, Cell], *, anew: bool
) -> str:
    """Id of the parent run: that of an interrupted sweep of the same cells, or else a new one."""
    tags = ownership() | {BEGUN: f"{time.time():.3f}", SAME_CELLS: fingerprint(cells)}
    latest = None if anew else latest_sweep_of(client, experiment_id, cells)
    if latest and interrupted(latest):
        run_id = latest.info.run_id
        for name, value in tags.items():
            client.set_tag(run_id, name, value)
        client.update_run(run_id, status="RUNNING")
    else:
        run_id = start_sweep(client, experiment_id, experiment, tags)
    write_plan(client, run_id, experiment, cells)  # an interrupted sweep may have lost its plan, or never had one
    return run_id


def latest_sweep_of(client: MlflowClient, experiment_id: str, keys: Iterable[str]) -> Run | None:
    """The latest sweep of exactly these cells."""
    return next(sweeps(client, experiment_id, f"tags.{SAME_CELLS} = '{fingerprint(keys)}'"), None)


def fingerprint(keys: Iterable[str]) -> str:
    """One hash of a set of cells."""
    return hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()[:16]


def interrupted(sweep: Run) -> bool:
    """Tell whether a sweep ended before all of its cells had been trained and compared."""
    return sweep.info.status in ("KILLED", "FAILED")


def claimed(client: MlflowClient, sweep_id: str, living: list[Run]) -> dict[str, str]:
    """Cells that other running sweeps train, with the id of the sweep: of several, the one that began first.

    MLflow has no locks: two sweeps that begin at the same moment may both train a cell. The one that finishes second
    notices it (`CellRun.cancel_if_duplicate`).
    """
    age = {run.info.run_id: (moment(run, BEGUN), run.info.run_id) for run in living}
    cells: dict[str, str] = {}
    for run in living:
        run_id = run.info.run_id
        if age[run_id] < age.get(sweep_id, (time.time(), sweep_id)):
            with suppress(ConfigurationError):  # it has only just begun, and has not written its cells yet
                cells |= dict.fromkeys(read_cells(client, run), run_id)
    return cells


@contextmanager
def heartbeat(
    client: MlflowClient, run_id: str, progress: Progress, show: Callable[[str, float], None]
) -> Iterator[None]:
    """Renew the heartbeat of a sweep and show its progress; stacks on other machines are told if it is to stop.

    The progress is also a tag of the sweep while it runs, which can be read on every machine.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            state = progress.state
            line = state.describe()
            with suppress(*STORE_ERRORS):  # after an outage the next beat succeeds
                client.set_tag(run_id, HEARTBEAT, f"{time.time():.0f}")
                client.set_tag(run_id, PROGRESS, line)
                if progress.stopping:
                    client.set_terminated(run_id, "KILLED")
            show(line, state.share_done)
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
        self.last_beat, self.seen, self.next_check = "", time.monotonic(), 0.0

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
        if sweep.info.status != "RUNNING" or tags.get(OWNER) != self.owner:
            raise Stopped("the sweep has ended, or another process took it over")
        # Of a process on this machine no heartbeat is needed; both may have been suspended for long (Ctrl-Z).
        beat = tags.get(HEARTBEAT, "")
        if here or beat != self.last_beat:
            self.last_beat, self.seen = beat, time.monotonic()
        elif time.monotonic() - self.seen > SILENCE_SECONDS:
            raise Stopped("the heartbeat of the sweep stopped")
