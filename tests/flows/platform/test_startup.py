"""Prefect's tables are copied where its migrations would take seconds, and are the same."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from prefect.server.database import provide_database_interface
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from flows.platform import startup
from flows.platform.startup import create_tables, keep_tables, kept_tables


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
    monkeypatch.setattr(startup, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "mlp-flows"


def content(path: Path) -> list[str]:
    """The tables, indices and triggers of a database, and its rows."""
    with closing(sqlite3.connect(path)) as tables:
        objects = tables.execute("SELECT type || name || coalesce(sql, '') FROM sqlite_master").fetchall()
        return sorted(text for (text,) in objects) + [line for line in tables.iterdump() if line.startswith("INSERT")]


def test_kept_tables_are_those_that_prefects_migrations_make(migrated, tmp_path):
    keep_tables(migrated)
    made = tmp_path / "store" / "prefect" / "prefect.db"
    create_tables(made)
    assert content(made) == content(migrated)


def test_migrations_leave_only_their_own_revision_in_the_tables(migrated):
    rows = [line for line in content(migrated) if line.startswith("INSERT")]
    assert len(rows) == 1, "a migration now writes rows, which the kept tables would hand to every store"
    assert rows[0].startswith('INSERT INTO "alembic_version"')


def test_a_database_that_exists_is_not_touched(migrated, tmp_path):
    keep_tables(migrated)
    old = tmp_path / "old.db"
    old.write_bytes(b"old")
    create_tables(old)
    assert old.read_bytes() == b"old"


def test_without_kept_tables_the_database_is_left_to_prefect(tmp_path):
    create_tables(tmp_path / "prefect.db")
    assert not (tmp_path / "prefect.db").exists()


@pytest.mark.parametrize("part", [slice(0, 0), slice(0, 5000), slice(0, 40000), slice(1000, None)])
def test_a_damaged_copy_is_not_handed_on_and_is_made_again(cache, migrated, tmp_path, part):
    cache.mkdir(parents=True)
    kept_tables().write_bytes(migrated.read_bytes()[part] or b"no database at all" * 99)
    create_tables(tmp_path / "prefect.db")
    assert not (tmp_path / "prefect.db").exists()
    keep_tables(migrated)
    create_tables(tmp_path / "next.db")
    assert content(tmp_path / "next.db") == content(migrated)


def test_processes_that_keep_and_create_tables_at_once_all_find_them_whole(migrated, tmp_path):
    together = Barrier(4)
    program = """
import pathlib, sys
from flows.platform.startup import create_tables, keep_tables
keep_tables(pathlib.Path(sys.argv[1]))
create_tables(pathlib.Path(sys.argv[2]))
"""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "xdg")}

    def run(i: int) -> int:
        together.wait()
        return subprocess.run(
            [sys.executable, "-c", program, str(migrated), str(tmp_path / f"{i}.db")], env=environment, timeout=60
        ).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [0] * 4
    assert all(content(tmp_path / f"{i}.db") == content(migrated) for i in range(4))


def test_a_cache_that_cannot_be_written_is_said(cache, migrated, caplog):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    keep_tables(migrated)
    assert "can't be kept" in caplog.text
