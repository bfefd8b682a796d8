"""The environment variables that Prefect, MLflow and the C library read."""

import os
from urllib.parse import urlsplit

from flows.errors import ConfigurationError
from flows.platform.paths import sqlite_uri, store_folder
from flows.platform.proxies import exempt_loopback
from flows.platform.system import ALLOCATOR


def prepare_environment() -> None:
    """Set the variables that Prefect and MLflow read when they are imported; variables that the user has set stay.

    Raises
    ------
    ConfigurationError
        If PREFECT_API_URL can't be parsed: Prefect would print a page about its settings.
    """
    try:
        urlsplit(os.environ.get("PREFECT_API_URL", ""))
    except ValueError as error:
        raise ConfigurationError(f"PREFECT_API_URL: {error}; allowed: the address of a server") from None
    defaults = {
        "PREFECT_HOME": str(store_folder() / "prefect"),
        # Flows log at INFO, for Prefect's pages; a terminal shows warnings only.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
        # Without a network, telemetry waits and ends in tracebacks.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",  # the project needs no pickles, and a pickle may run anything
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # A server that does not answer is reported within seconds, not after seven retries.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        **ALLOCATOR,
    }
    database = sqlite_uri(store_folder() / "prefect" / "prefect.db", "sqlite+aiosqlite")
    if "?" in database:  # Prefect's own address would name another file
        defaults["PREFECT_API_DATABASE_CONNECTION_URL"] = database
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    exempt_loopback()
