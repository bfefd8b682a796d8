"""The addresses of artifacts in a local store: always beside its database, with and without the service."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

# Tables and columns of MLflow's database that hold addresses of artifacts.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def adopt_artifacts(database: Path) -> None:
    """Make a local store refer to the artifacts beside its database.

    Other addresses in it are of a service that has ended (``mlflow-artifacts:/…``), which no client can read without
    it, or of the folder from which the store was moved or copied: nothing may be read from or written to that.
    """
    folder = database.parent / "artifacts"
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        for (old,) in connection.execute("select artifact_location from experiments").fetchall():
            if new := adopted(old, folder):
                for table, column in ADDRESSES:
                    connection.execute(
                        f"update {table} set {column} = ? || substr({column}, ?) "
                        f"where {column} = ? or substr({column}, 1, ?) = ?",
                        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                    )


def adopted(location: str, folder: Path) -> str | None:
    """The new location of an experiment whose artifacts belong into this folder; None if it is to stay."""
    address = urlsplit(location)
    if address.scheme == "mlflow-artifacts":
        return local_address(folder / address.path.lstrip("/"))
    if address.scheme not in ("", "file"):
        return None
    place = Path(unquote(address.path) if address.scheme else location)
    here = folder / place.name
    moved = place.parent.name == "artifacts" and place.parent != folder and (here.exists() or not place.exists())
    return local_address(here) if moved else None


def local_address(place: Path) -> str:
    """A folder as an address of artifacts; as a plain path if none of its characters has a meaning in an address."""
    return str(place) if quote(str(place)) == str(place) else place.as_uri()
