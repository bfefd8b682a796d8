"""A database that Prefect would migrate is known from one that is the newest, without Prefect's import."""

import sqlite3
from contextlib import closing
from pathlib import Path

import prefect.server.database
import pytest
from alembic.script import ScriptDirectory

from flows.platform.prefect_server import database, is_current

MIGRATIONS = Path(prefect.server.database.__file__).with_name("_migrations")


def made_by(revision: str | None, path: Path) -> Path:
    """A database whose tables a revision of Prefect's migrations has made."""
    with closing(sqlite3.connect(path)) as tables:
        tables.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        tables.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        tables.commit()
    return path


def test_only_the_newest_of_prefects_migrations_is_current(tmp_path):
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "versions" / "sqlite")])
    newest = scripts.get_current_head()
    older = scripts.get_revision(newest).down_revision
    assert is_current(made_by(newest, tmp_path / "newest.db"))
    assert not is_current(made_by(older, tmp_path / "older.db"))
    assert not is_current(made_by("0123456789ab", tmp_path / "of-another-prefect.db"))


@pytest.mark.parametrize("content", [None, b"", b"no database, but longer than the header of one" * 9])
def test_a_database_that_is_missing_empty_or_damaged_is_left_to_prefect(tmp_path, content):
    path = tmp_path / "prefect.db"
    if content is not None:
        path.write_bytes(content)
    assert not is_current(path)


@pytest.mark.parametrize(
    ("address", "expected"),
    [(None, "home/prefect.db"), ("sqlite+aiosqlite:////store/prefect-1.db", "/store/prefect-1.db")],
)
def test_the_database_is_that_of_the_variables(monkeypatch, tmp_path, address, expected):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PREFECT_API_DATABASE_CONNECTION_URL", raising=False)
    if address:
        monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", address)
    assert database() == tmp_path / expected
