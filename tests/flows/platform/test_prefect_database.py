"""Prefect's database is made at once where its migrations would take seconds, and is the same."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import prefect.server.database
import pytest
from alembic.script import ScriptDirectory
from prefect.server.database import provide_database_interface
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from flows.platform import prefect_database
from flows.platform.prefect_database import create_database, database_file, is_current, keep_statements, kept_statements

ADDRESS = "PREFECT_API_DATABASE_CONNECTION_URL"
MIGRATIONS = Path(prefect.server.database.__file__).with_name("_migrations")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A database that Prefect's migrations have made."""
    path = tmp_path_factory.mktemp("migrated") / "prefect.db"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{path}"}):
        asyncio.run(provide_database_interface().create_db())
    return path


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The user's cache, with nothing in it."""
    monkeypatch.setattr(prefect_database, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "mlp-flows"


def made_by(revision: str | None, path: Path) -> Path:
    """A database whose tables a revision of Prefect's migrations has made."""
    with closing(sqlite3.connect(path)) as tables:
        tables.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        tables.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        tables.commit()
    return path


def content(path: Path) -> list[str]:
    """The tables, indices and triggers of a database, and its rows."""
    with closing(sqlite3.connect(path)) as tables:
        objects = tables.execute("SELECT type || name || coalesce(sql, '') FROM sqlite_master").fetchall()
        return sorted(text for (text,) in objects) + [line for line in tables.iterdump() if line.startswith("INSERT")]


def test_kept_statements_make_the_database_that_prefects_migrations_make(migrated, tmp_path):
    keep_statements(migrated)
    made = tmp_path / "store" / "prefect" / "prefect.db"
    create_database(made)
    assert is_current(made)
    assert content(made) == content(migrated)


def test_what_a_database_holds_is_not_kept(migrated, tmp_path):
    used = tmp_path / "used.db"
    with closing(sqlite3.connect(migrated)) as source, closing(sqlite3.connect(used)) as copy:
        source.backup(copy)
        copy.execute("INSERT INTO flow (name) VALUES ('private')")
        copy.commit()
    keep_statements(used)
    assert "private" not in kept_statements().read_text(encoding="utf-8")


def test_a_database_that_exists_is_not_touched(migrated, tmp_path):
    keep_statements(migrated)
    old = made_by("0123456789ab", tmp_path / "old.db")
    before = old.read_bytes()
    create_database(old)
    assert old.read_bytes() == before


def test_tables_of_an_older_prefect_are_not_kept(tmp_path):
    keep_statements(made_by("0123456789ab", tmp_path / "old.db"))
    assert not kept_statements().exists()


def test_without_kept_statements_the_database_is_left_to_prefect(tmp_path):
    create_database(tmp_path / "prefect.db")
    assert not (tmp_path / "prefect.db").exists()


@pytest.mark.parametrize(
    "text",
    [b"no SQL", b"BEGIN;\nCREATE TABLE flow (id);\nCREATE TABLE flow (id);\nCOMMIT;\n", b"\x00" * 99, b"\xff\xfe"],
)
def test_damaged_statements_leave_an_empty_database_to_prefect_and_are_made_again(cache, migrated, tmp_path, text):
    cache.mkdir(parents=True)
    kept_statements().write_bytes(text)
    create_database(tmp_path / "prefect.db")
    assert content(tmp_path / "prefect.db") == []
    keep_statements(migrated)
    create_database(tmp_path / "next.db")
    assert is_current(tmp_path / "next.db")


def test_processes_that_create_a_database_at_once_all_find_its_tables(migrated, tmp_path):
    keep_statements(migrated)
    for i in range(5):
        path, together = tmp_path / f"{i}.db", Barrier(4)

        def create(path=path, together=together):
            together.wait()
            create_database(path)

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(create) for _ in range(4)]:
                done.result()
        assert is_current(path)
        assert kept_statements().exists()


def test_a_cache_that_cannot_be_written_is_said(cache, migrated, caplog):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    keep_statements(migrated)
    assert "can't be kept" in caplog.text


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
    ("variables", "expected"),
    [
        ({}, None),
        ({"PREFECT_HOME": "home"}, Path("home/prefect.db")),
        ({"PREFECT_HOME": "home", ADDRESS: "sqlite+aiosqlite:////store/prefect-1.db"}, Path("/store/prefect-1.db")),
        ({"PREFECT_HOME": "home", ADDRESS: "sqlite+aiosqlite:///:memory:"}, None),
        ({ADDRESS: "postgresql+asyncpg://user@host/name"}, None),
    ],
)
def test_the_database_is_that_of_the_variables(variables, expected):
    assert database_file(variables) == expected
