"""Runs in MLflow: how they are found and ended, and what they say about their data set and their code."""

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mlflow import MlflowClient, entities
from mlflow.entities import DatasetInput, Run, RunTag, ViewType

DESCRIPTION = "mlflow.note.content"  # the tag that MLflow's pages show as the description
PARENT = "mlflow.parentRunId"  # the tag by which MLflow's pages nest runs


def now() -> int:
    """Milliseconds since 1970, the unit of MLflow."""
    return int(time.time() * 1000)


def pages(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    """All answers to a search: MLflow is asked for one page after another, and only as they are needed."""
    token = None
    while True:
        page = ask(token)
        yield from page
        if not (token := page.token):
            return


def search(client: MlflowClient, experiment_ids: str | list[str], condition: str, page: int = 5000) -> Iterator[Run]:
    """The runs that meet a condition, the latest first."""
    ids = [experiment_ids] if isinstance(experiment_ids, str) else experiment_ids
    order = ["attributes.start_time DESC"]
    return pages(lambda token: client.search_runs(ids, condition, ViewType.ACTIVE_ONLY, page, order, token))


def log_datasets(client: MlflowClient, run_id: str, sets: Iterable[dict[str, str]]) -> None:
    """Log the data sets of a run; see `flows.plan.preparation.dataset_fields`."""
    client.log_inputs(run_id, datasets=[DatasetInput(entities.Dataset(**fields)) for fields in sets])


@cache
def code_version() -> dict[str, str]:
    """The git commit of this package's checkout as a tag, and whether its files differ from that; else nothing."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return {}  # installed, perhaps into somebody else's checkout

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"mlflow.source.git.commit": git("rev-parse", "HEAD"), "changed_since_commit": str(bool(changed))}
    except (OSError, subprocess.SubprocessError):
        return {}  # without git, or in a folder that git does not trust


def end_run(client: MlflowClient, run_id: str, status: str, message: str = "") -> None:
    """Close a run as FINISHED, FAILED or KILLED; the message says why it did not finish."""
    if message:
        client.log_batch(run_id, tags=[RunTag("message", message)])
    client.set_terminated(run_id, status)
