"""Results that MLflow could not be given, kept on disk until it can: one file a cell, no pickle."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock
from mlflow import MlflowClient

from flows.cell_run import CellRun, finished_since
from flows.environment import store_folder
from flows.errors import ConfigurationError
from flows.tracking import STORE_ERRORS, one_line, refused

RECORD = "record"


def outbox() -> Path:
    """The folder of what waits, in the store."""
    return store_folder() / "outbox"


def keep(run: CellRun, uri: str) -> None:
    """Write a run to disk, for a store at this tracking URI."""
    record = {"uri": uri} | {f.name: getattr(run, f.name) for f in dataclasses.fields(run) if f.name != "weights"}
    outbox().mkdir(parents=True, exist_ok=True)
    path = outbox() / f"{run.tags['cell']}-{uuid4().hex}.npz"
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            np.savez(file, allow_pickle=False, **run.weights, **{RECORD: np.array(json.dumps(record))})
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def waiting() -> dict[str, list[Path]]:
    """Files of the runs that wait, by the tracking URI of the store that they wait for."""
    files: dict[str, list[Path]] = {}
    for path in sorted(outbox().glob("*.npz")):
        files.setdefault(read(path)[1], []).append(path)
    return files


def read(path: Path) -> tuple[CellRun, str]:
    """A run and its tracking URI."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            record = json.loads(str(arrays[RECORD]))
            weights = {name: arrays[name] for name in arrays.files if name != RECORD}
        uri = record.pop("uri")
        return CellRun(**record, weights=weights), uri
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise ConfigurationError(
            f"outbox: {path} is not a result that was kept here ({error}); allowed: take it away"
        ) from None


@dataclass(frozen=True)
class Sent:
    """How many runs were delivered, how many wait on, and why."""

    delivered: int = 0
    waiting: int = 0
    reason: str = ""


def send(client: MlflowClient, uri: str) -> Sent:
    """Deliver what waits for a store, as far as it goes."""
    if not outbox().exists():
        return Sent()
    with FileLock(outbox() / "lock"):
        paths = waiting().get(uri, [])
        reason, failed = "", 0
        for i, path in enumerate(paths):
            try:
                run = read(path)[0]
                run.give_way(finished_since(client, run.experiment_id, run.planned))
                run.deliver(client)
            except STORE_ERRORS as error:
                reason, failed = one_line(error), failed + 1
                if not refused(error):
                    return Sent(i + 1 - failed, len(paths) - i - 1 + failed, reason)
            else:
                path.unlink()
        return Sent(len(paths) - failed, failed, reason)
