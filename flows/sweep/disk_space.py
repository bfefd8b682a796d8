"""The disk space that the results of a stack need: runs that could not finish are not started."""

import shutil

from flows.plan.cell import Cell
from flows.platform.paths import sqlite_file
from mlp.measures.metrics import curve_metrics
from mlp.nn.snapshots import kept_epochs

POINT_BYTES = 250  # of a metric's value in SQLite: its row, its index, its share of the log
WEIGHT_BYTES, SNAPSHOT_BYTES = 4, 2  # float32, float16
# For what does not grow with the cells: the logs of the databases (4 MB each), the report and its figures.
RESERVE_BYTES = 10_000_000


def bytes_of_results(cell: Cell) -> int:
    """Approximate size of a cell's curves, weights and snapshots in the store, in bytes."""
    epochs = cell.descent.epochs
    curves = POINT_BYTES * len(curve_metrics()) * (epochs + 1)
    return curves + (WEIGHT_BYTES + SNAPSHOT_BYTES * len(kept_epochs(epochs, cell.weights))) * cell.weights


def lack_of_space(cells: dict[str, Cell], tracking_uri: str) -> str:
    """Say why a local store has no space for the results of a stack; empty if it has, or a server keeps the store."""
    if not tracking_uri.startswith("sqlite"):
        return ""
    folder = sqlite_file(tracking_uri).parent
    wanted = RESERVE_BYTES + sum(bytes_of_results(cell) for cell in cells.values())
    free = shutil.disk_usage(folder).free
    return f"{free / 1e6:.0f} MB free in {folder}, a stack needs {wanted / 1e6:.0f}" if free < wanted else ""
