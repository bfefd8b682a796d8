"""Where the project keeps its things, and how Prefect and MLflow are told; imports neither, so that it is quick."""

import os
from pathlib import Path

from flows.errors import ConfigurationError


def store_folder() -> Path:
    """The default store: `mlruns` in the working folder, with MLflow's database, artifacts, and Prefect's home."""
    return Path("mlruns").absolute()


def make_store_folder() -> None:
    """Make the folder of the store, if it is not there; Prefect wants it before it is imported."""
    try:
        store_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"store: {store_folder()} can't be made ({error.strerror}); allowed: a working folder that can be written"
        ) from None


def prepare_environment() -> None:
    """Set what Prefect and MLflow read when they are imported; what the user has set stays."""
    defaults = {
        "PREFECT_HOME": str(store_folder() / "prefect"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        # Without network telemetry ends in tracebacks and waits.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",  # ours need none, and others' may run anything
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # A server that does not answer is reported within seconds, not after MLflow's seven doubled waits.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        # In worker processes arrays of 4 MB and more go back to the system when they are let go (glibc reads this when
        # a process starts); else a stack takes another 60 MB beside what is left of the one before.
        "MALLOC_MMAP_THRESHOLD_": "4000000",
        # Smaller ones stay: to get their pages anew for every mini-batch would take a tenth of the training.
        "MALLOC_TRIM_THRESHOLD_": "8000000",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
