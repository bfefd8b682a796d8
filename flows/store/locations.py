"""The addresses of artifacts in a local store: always beside its database, with and without the service."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from flows.store.mlflow_internals import ADDRESSES, LOCATIONS

BACKUP = ".before-move.db"  # ending of the copy of a database that is made before its addresses are replaced


def adopt_artifacts(database: Path) -> None:
    """Make a local store refer to the artifacts beside its database, once, after a copy of the database.

    Other addresses in it are of a service that has ended (``mlflow-artifacts:/…``), which no client can read without
    it, or of the folder from which the store was moved or copied: nothing may be read from or written to that.
    """
    folder = database.parent / "artifacts"
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        locations = [old for (old,) in connection.execute(LOCATIONS)]
        replaced = {old: new for old in locations if (new := adopted(old, folder))}
        if not replaced:
            return
        with closing(sqlite3.connect(database.with_suffix(BACKUP))) as backup:
            connection.backup(backup)
        with connection:
            for old, new in replaced.items():
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
    place = local_path(location)
    here = folder / place.name
    moved = place.parent.name == "artifacts" and place.parent != folder and (here.exists() or not place.exists())
    return local_address(here) if moved else None


def local_address(place: Path) -> str:
    """A folder as an address of artifacts; as a plain path if none of its characters has a meaning in an address."""
    return str(place) if quote(str(place)) == str(place) else place.as_uri()


def local_path(address: str) -> Path:
    """The folder at an address, as MLflow reads it: in a plain path too, ``%20`` stands for a space."""
    return Path(url2pathname(urlsplit(address).path if address.startswith("file:") else address))
