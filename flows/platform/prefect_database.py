"""The SQLite database of Prefect's server: its place and its tables.

Prefect's migrations take seconds to make the tables of a new database. The statements that make the same tables at once
are kept in the user's cache, for each version of Prefect. To use them takes no import of Prefect, which would take
seconds too; as a command, this module has Prefect make the tables, and keeps the statements before they are needed.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from flows.platform.paths import sqlite_file

LOGGER = logging.getLogger(__name__)


def database_file(environment: Mapping[str, str]) -> Path | None:
    """The SQLite file of Prefect's server that the variables name; None if they name none, or another database."""
    home, address = environment.get("PREFECT_HOME"), environment.get("PREFECT_API_DATABASE_CONNECTION_URL")
    if not address:
        return Path(home, "prefect.db") if home else None
    return sqlite_file(address) if address.startswith("sqlite") and ":memory:" not in address else None


def is_current(path: Path) -> bool:
    """Whether a database has the tables of the newest of Prefect's migrations, whose file names say their order."""
    prefect = find_spec("prefect")
    if not path.exists() or prefect is None or prefect.origin is None:
        return False
    migrations = Path(prefect.origin).parent / "server" / "database" / "_migrations" / "versions" / "sqlite"
    newest = max(file.name for file in migrations.glob("*.py"))
    try:
        with closing(sqlite3.connect(path)) as tables:
            return any(f"_{revision}_" in newest for (revision,) in tables.execute("SELECT * FROM alembic_version"))
    except sqlite3.Error:  # no tables yet, or a damaged file: Prefect says so
        return False


def kept_statements() -> Path:
    """The file of the statements that make the tables of this version of Prefect."""
    return user_cache_path("mlp-flows") / f"prefect-{version('prefect')}.sql"


def create_database(path: Path) -> None:
    """Create a database with its tables, if it does not exist and the statements were kept; else Prefect will."""
    kept = kept_statements()
    if path.exists() or not kept.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(path)) as new:
            new.executescript(kept.read_text(encoding="utf-8"))
    except (sqlite3.Error, OSError, ValueError) as error:  # no tables are made then: all of it is one transaction
        if is_current(path):  # another process has made them at the same moment
            return
        LOGGER.warning("%s can't be used (%s), and is made again.", kept, error)
        with suppress(OSError):  # a cache that can't be changed either
            kept.unlink()


def keep_statements(path: Path) -> None:
    """Keep the statements that make the tables of a current database, unless they are kept already."""
    kept = kept_statements()
    if kept.exists() or not is_current(path):
        return
    with closing(sqlite3.connect(path)) as tables:
        (revision,) = tables.execute("SELECT version_num FROM alembic_version").fetchone()
        made = [sql for (sql,) in tables.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'") if sql]
    statements = ["BEGIN", *made, f"INSERT INTO alembic_version VALUES ('{revision}')", "COMMIT", ""]
    draft = kept.with_suffix(f".{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(";\n".join(statements), encoding="utf-8")
        draft.replace(kept)
    except OSError as error:  # the next new database takes seconds again
        LOGGER.warning("The tables of Prefect's database can't be kept in %s: %s", kept.parent, error.strerror)


def main() -> None:
    """Keep the statements by making a database that is thrown away."""
    with TemporaryDirectory() as folder:
        os.environ["PREFECT_HOME"] = folder
        os.environ.pop("PREFECT_API_DATABASE_CONNECTION_URL", None)
        from prefect.server.database import provide_database_interface

        asyncio.run(provide_database_interface().create_db())
        keep_statements(Path(folder, "prefect.db"))


if __name__ == "__main__":
    main()
