"""Failures of a store, MLflow's and those of the libraries below it: one kind, known here."""

import re
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

# All that is raised if a store can't be reached, is full or refuses; the errors of requests are OSErrors.
STORE_ERRORS = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError)
# HTTP's statuses of refusals that may end: another login, a proxy in between, too many requests.
FOR_NOW = {401, 403, 407, 408, 429}
DAMAGED = "is damaged; allowed: another database, or a backup of it (docs/backup.md)"
Found = TypeVar("Found")


def shortened(error: Exception) -> str:
    """An error of the store in one line: of a long text the beginning, and the end, which names the cause."""
    # SQLAlchemy adds the statement and a link.
    text = re.sub(r" \[SQL: .*| \(Background on this error at: \S+\)", "", " ".join(str(error).split()))
    return text if len(text) <= 240 else f"{text[:100]} ... {text[-135:]}"


def is_damaged(error: Exception) -> bool:
    """Tell whether SQLite found that a file is no database, or a damaged one."""
    return any(words in str(error) for words in ("file is not a database", "database disk image is malformed"))


def refused(error: Exception) -> bool:
    """Tell whether the store understood a request and refuses it for good, so that another attempt is useless."""
    if not isinstance(error, MlflowException) or lost_a_race(error):
        return False
    status = error.get_http_status_code()
    return status < 500 and status not in FOR_NOW


def lost_a_race(error: Exception) -> bool:
    """Tell whether another process wrote the same new tag at the same moment; another attempt overwrites it."""
    return "unique constraint" in str(error).lower()


def if_there(ask: Callable[[], Found]) -> Found | None:
    """The answer of the store; None if it has no such thing.

    Raises
    ------
    MlflowException
        If the store can't be reached.
    """
    try:
        return ask()
    except MlflowException as error:
        if not refused(error):
            raise
        return None
