"""Paths of the project's files, and addresses of its databases."""

import os
from pathlib import Path
from urllib.parse import quote, unquote


def store_folder() -> Path:
    """The default store: `mlruns` in the working folder, with MLflow's database, artifacts, and Prefect's home."""
    return Path("mlruns").absolute()


def sqlite_uri(path: Path, driver: str = "sqlite") -> str:
    """SQLAlchemy's address of an SQLite file; characters such as ``?`` are only possible in SQLite's own URIs."""
    plain = str(path)
    if quote(plain) == plain:
        return f"{driver}:///{plain}"
    # Of an address that begins with sqlite:///file: MLflow would make the folder `file:`.
    return f"{'sqlite+pysqlite' if driver == 'sqlite' else driver}:///file:{quote(plain)}?uri=true"


def sqlite_file(uri: str) -> Path:
    """The file of an address like those of `sqlite_uri`."""
    path = uri.partition(":///")[2]
    if path.startswith("file:"):
        path = unquote(path.removeprefix("file:").partition("?")[0])
    return Path(path).absolute()


def tracking_uri(given: str | None) -> str:
    """The given tracking URI, or else MLFLOW_TRACKING_URI, or else the store in this folder's `mlruns/`."""
    uri = given or os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(store_folder() / "mlflow.db")
    # SQLAlchemy's default driver varies; psycopg is the one that the extra `postgres` installs.
    return f"postgresql+psycopg{uri.removeprefix('postgresql')}" if uri.startswith("postgresql://") else uri
