"""What can go wrong with MLflow."""

import re

from mlflow.exceptions import MlflowException

# What MLflow raises if the store can't be reached, is full or refuses; the errors of requests are OSErrors.
STORE_ERRORS = (MlflowException, OSError)
DAMAGED = "is damaged; allowed: another database, or a backup of it (docs/backup.md)"


def shortened(error: Exception) -> str:
    """An error of the store in one line: of a long text the beginning, and the end, which names the cause."""
    # SQLAlchemy adds the statement and a link.
    text = re.sub(r" \[SQL: .*| \(Background on this error at: \S+\)", "", " ".join(str(error).split()))
    return text if len(text) <= 240 else f"{text[:100]} ... {text[-135:]}"


def is_damaged(error: Exception) -> bool:
    """Whether SQLite found that a file is no database, or a damaged one."""
    return any(words in str(error) for words in ("file is not a database", "database disk image is malformed"))


def refused(error: Exception) -> bool:
    """Whether the store understood a request and refuses it, so that another attempt is useless."""
    return isinstance(error, MlflowException) and error.get_http_status_code() < 500 and not lost_a_race(error)


def lost_a_race(error: Exception) -> bool:
    """Whether another process wrote the same new tag at the same moment; another attempt overwrites it."""
    return "unique constraint" in str(error).lower()
