"""Prefect's server as one sweep at the prompt needs it: an application for uvicorn.

It has no pages, no scheduler and no blocks, and migrates its database only if it is not the newest; the server of
`mlp up` has all of them. Prefect reads its settings when it is imported, hence the imports inside the functions.
"""

import gc
import os
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flows.platform.paths import sqlite_file

if TYPE_CHECKING:
    from fastapi import FastAPI


def create() -> "FastAPI":
    """The application; `PREFECT_HOME` or `PREFECT_API_DATABASE_CONNECTION_URL` names its database."""
    os.environ["PREFECT_API_BLOCKS_REGISTER_ON_START"] = "false"
    if is_current(database()):
        os.environ["PREFECT_API_DATABASE_MIGRATE_ON_START"] = "false"
    gc.disable()  # the imports make objects that stay: searching them for garbage would take a tenth of the time
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True)
    gc.freeze()
    gc.enable()
    return app


def database() -> Path:
    """The SQLite file of the server; a path that does not exist if its database is another one."""
    address = os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL")
    return sqlite_file(address) if address else Path(os.environ["PREFECT_HOME"], "prefect.db")


def is_current(path: Path) -> bool:
    """Whether a database has the tables of the newest of Prefect's migrations, whose file names say their order."""
    prefect = find_spec("prefect")
    if not path.exists() or prefect is None or prefect.origin is None:
        return False
    migrations = Path(prefect.origin).parent / "server" / "database" / "_migrations" / "versions" / "sqlite"
    newest = max(file.name for file in migrations.glob("*.py"))
    try:
        with closing(sqlite3.connect(path)) as tables:
            return any(f"_{version}_" in newest for (version,) in tables.execute("SELECT * FROM alembic_version"))
    except sqlite3.Error:  # no tables yet, or a damaged file: Prefect says so
        return False
