"""A process and its children make their temporary files in the store; nothing of it is left when they have ended."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from flows.errors import ConfigurationError
from flows.platform.temporary import temporary_files_in_store

MAKES_A_FILE = "import tempfile; print(tempfile.mkstemp()[1])"
IS_KILLED = """
import os, signal
from flows.platform.temporary import temporary_files_in_store
with temporary_files_in_store() as folder:
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mlruns"


def test_files_of_a_process_and_its_children_are_in_one_folder_which_is_gone_at_the_end():
    usual, variable = tempfile.gettempdir(), os.environ.get("TMPDIR")
    with temporary_files_in_store() as folder:
        with tempfile.NamedTemporaryFile(delete=False) as ours:
            pass
        childs = subprocess.check_output([sys.executable, "-c", MAKES_A_FILE], text=True).strip()
        assert {Path(ours.name).parent, Path(childs).parent} == {folder}
    assert not folder.exists()
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == (usual, variable)


def test_what_a_killed_process_left_is_removed_by_the_next_one(store):
    killed = subprocess.run([sys.executable, "-c", IS_KILLED], capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert left.parent == store / "temporary"
    assert left.exists()
    with temporary_files_in_store():
        assert not left.exists()


def test_the_folders_of_living_processes_and_other_files_stay(store):
    (store / "temporary").mkdir(parents=True)
    (store / "temporary" / "notes of mine").touch()
    with temporary_files_in_store() as first, temporary_files_in_store() as second:
        assert first != second
        assert first.exists()
    assert [path.name for path in (store / "temporary").iterdir()] == ["notes of mine"]


def test_a_store_that_can_not_be_written_is_named(store):
    store.write_text("a file, not a folder")
    with pytest.raises(ConfigurationError, match=r"^store: .*temporary can't be written"), temporary_files_in_store():
        pass
