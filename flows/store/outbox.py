"""Results that could not be delivered to MLflow, kept on disk until they can: one file per cell, without pickle."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock
from mlflow import MlflowClient

from flows.errors import ConfigurationError
from flows.platform.paths import store_folder
from flows.store.cell_run import CellRun
from flows.store.failures import STORE_ERRORS, refused, shortened
from flows.store.runs import finished_since
from mlp.nn.weights import from_arrays, from_snapshot_arrays, snapshot_arrays, to_arrays

RECORD = "record"
REFUSED = "refused"  # folder in the outbox
LOCK_SECONDS = 600.0
ARRAYS = ("parameters", "snapshots")  # the fields of a run that are not part of its record


def outbox() -> Path:
    """The folder of the results that wait."""
    return store_folder() / "outbox"


def keep(run: CellRun, uri: str, *, aside: bool = False) -> None:
    """Write a run to disk, for the store at a tracking URI, or aside if that has refused it for good."""
    record = {"uri": uri} | {f.name: getattr(run, f.name) for f in dataclasses.fields(run) if f.name not in ARRAYS}
    folder = outbox() / REFUSED if aside else outbox()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.tags['cell']}-{uuid4().hex}.npz"
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            arrays = to_arrays(run.parameters) | snapshot_arrays(run.snapshots)
            np.savez(file, allow_pickle=False, **arrays, **{RECORD: np.array(json.dumps(record))})
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def waiting() -> dict[str, list[Path]]:
    """The files of the runs that wait, by the tracking URI that they wait for."""
    files: dict[str, list[Path]] = {}
    for path in sorted(outbox().glob("*.npz")):
        files.setdefault(read(path)[1], []).append(path)
    return files


def read(path: Path) -> tuple[CellRun, str]:
    """Read a run and its tracking URI."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            record = json.loads(str(arrays[RECORD]))
            parameters, snapshots = from_arrays(arrays), from_snapshot_arrays(arrays)
        uri = record.pop("uri")
        return CellRun(**record, parameters=parameters, snapshots=snapshots), uri
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise ConfigurationError(
            f"outbox: {path} is not a result that can be delivered ({error}); allowed: move it elsewhere"
        ) from None


@dataclass(frozen=True)
class Delivery:
    """The numbers of runs that were delivered, were refused for good, and still wait; and why."""

    delivered: int = 0
    refused: int = 0
    waiting: int = 0
    reason: str = ""


def deliver_waiting(client: MlflowClient, uri: str) -> Delivery:
    """Deliver the runs that wait for a store, as far as possible.

    What the store refuses for good, because somebody has deleted the run in MLflow, for example, waits no longer: its
    file goes to the folder `refused`.
    """
    if not outbox().exists():
        return Delivery()
    delivered, aside, reason = 0, 0, ""
    with FileLock(outbox() / "lock", timeout=LOCK_SECONDS):  # against two processes that deliver the same run
        paths = waiting().get(uri, [])
        for path in paths:
            try:
                run = read(path)[0]
                run.cancel_if_duplicate(finished_since(client, run.experiment_id, run.planned, [run.tags["cell"]]))
                run.deliver(client)
            except STORE_ERRORS as error:
                reason = shortened(error)
                if not refused(error):
                    break
                (outbox() / REFUSED).mkdir(exist_ok=True)
                path.replace(outbox() / REFUSED / path.name)
                aside += 1
            else:
                path.unlink()
                delivered += 1
    return Delivery(delivered, aside, len(paths) - delivered - aside, reason)
