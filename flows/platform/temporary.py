"""A folder for the temporary files of a process and its children, which can be removed even after they were killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.errors import ConfigurationError
from flows.platform.identity import is_running, this_process
from flows.platform.paths import store_folder

# Variables that name the folder for temporary files, on Linux and macOS and on Windows.
VARIABLES = ("TMPDIR", "TEMP", "TMP")


@contextmanager
def temporary_files_in_store() -> Iterator[Path]:
    """Have this process and its children make their temporary files in a folder of the store while the block runs.

    The folder bears the name of this process: if the process is killed, the next one removes the folder.

    Raises
    ------
    ConfigurationError
        If the store can't be written.
    """
    folder = new_folder()
    usual, variables = tempfile.tempdir, {name: os.environ[name] for name in VARIABLES if name in os.environ}
    tempfile.tempdir = str(folder)
    os.environ |= dict.fromkeys(VARIABLES, str(folder))
    try:
        yield folder
    finally:
        tempfile.tempdir = usual
        for name in VARIABLES:
            del os.environ[name]
        os.environ |= variables
        shutil.rmtree(folder, ignore_errors=True)


def remove_own() -> None:
    """Remove all folders of this process, which is about to end without leaving its blocks."""
    for folder in (store_folder() / "temporary").glob(f"{this_process()} *"):
        shutil.rmtree(folder, ignore_errors=True)


def new_folder() -> Path:
    """A new folder of this process; the folders of processes that have ended are removed."""
    parent = store_folder() / "temporary"
    for folder in parent.glob("* * * *"):
        if is_running(folder.name.rpartition(" ")[0]) is False:
            shutil.rmtree(folder, ignore_errors=True)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{this_process()} ", dir=parent))
    except OSError as error:
        raise ConfigurationError(
            f"store: {parent} can't be written ({error.strerror}); allowed: a working folder that can"
        ) from None
