"""From cells to stacks: what is trained together."""

from itertools import groupby, islice

import psutil

from flows.experiment import Cell

# Larger stacks take more memory, and train little faster a cell.
MOST_CELLS_OF_A_STACK = 32
# In `Cell.work`: some seconds of training, as long as a process takes to start.
WORTH_A_PROCESS = 1e11


def plan(cells: dict[str, Cell], workers: int, memory: float) -> list[dict[str, Cell]]:
    """Cells of one shape into stacks, as large as they may be, but enough of them to keep every worker busy.

    Parameters
    ----------
    memory : float
        Bytes that the stacks which train at once may take together; a stack has one cell at least.
    """
    if sum(cell.work for cell in cells.values()) < WORTH_A_PROCESS:
        workers = 1
    stacks = []
    by_shape = sorted(cells.items(), key=lambda item: repr(item[1].shape))
    for _, group in groupby(by_shape, key=lambda item: repr(item[1].shape)):
        members = list(group)
        most = min(MOST_CELLS_OF_A_STACK, max(int(memory / workers / bytes_of(members[0][1])), 1))
        rounds = -(-len(members) // (most * workers))
        size = -(-len(members) // (workers * rounds))
        remaining = iter(members)
        while stack := dict(islice(remaining, size)):
            stacks.append(stack)
    return stacks


def bytes_of(cell: Cell) -> int:
    """About how much memory a cell of a stack takes, beside the images that all share."""
    # Labels and answers of every image, and each example's cost; weights, their last steps, their start and their end.
    return 8 * cell.images + 16 * cell.weights


def half_of_what_is_free() -> float:
    """Half of this machine's free memory, in bytes."""
    return psutil.virtual_memory().available / 2
