"""Finished cells in a local store, counted without MLflow, whose import takes a second or two."""

import sqlite3
from contextlib import closing, suppress

from flows.platform.paths import sqlite_file
from flows.store.mlflow_internals import FINISHED_CELLS

COUNT = f"select count(distinct cells.value) {FINISHED_CELLS.format(more='')} and experiments.name = ?"


def fast_count(uri: str, experiment: str) -> int:
    """Count the different cells of an experiment that have finished; 0 where that can't be seen at once."""
    if uri.startswith("sqlite") and sqlite_file(uri).exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(sqlite_file(uri), timeout=1)) as store:
            return store.execute(COUNT, (experiment,)).fetchone()[0]
    return 0
