"""From cells to stacks, the cells that are trained together."""

from collections.abc import Collection
from itertools import groupby, islice

import psutil

from flows.plan.experiment import Cell

# Larger stacks take more memory, and hardly train faster per cell.
MOST_CELLS_OF_A_STACK = 32
# In units of `Cell.work`: a few seconds of training, as long as a process takes to start.
WORTH_A_PROCESS = 1e11


def plan(cells: dict[str, Cell], workers: int, memory: float) -> list[dict[str, Cell]]:
    """Divide cells into stacks of one shape: as large as allowed, but enough of them to keep every worker busy.

    Parameters
    ----------
    memory : float
        Bytes that the stacks which train at the same time may take together. A stack has at least one cell.
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
    """Approximate memory that a cell adds to a stack, in bytes."""
    # Label, answer and cost of every image; weights, their velocity, their start and their end.
    return 8 * cell.images + 16 * cell.weights


def half_of_what_is_free() -> float:
    """Half of this machine's free memory, in bytes."""
    return psutil.virtual_memory().available / 2


def title(cells: Collection[Cell], with_fractions: bool = True) -> str:
    """What a stack trains: ``seeds 0-4, fractions 0, 0.5``, with what its cells share if the experiment has several."""
    first = next(iter(cells))
    fractions = sorted({cell.fraction for cell in cells})
    parts = [f"seeds {ranges({cell.seed for cell in cells})}"]
    if with_fractions:
        parts.append(f"fractions {', '.join(f'{x:g}' for x in fractions)}")
    experiment, params = first.experiment, first.params()
    axes = {"hidden": experiment.networks, "rows": experiment.data.rows, "inputs": experiment.corruption.inputs}
    return ", ".join(parts + [f"{name} {params[name]}" for name, values in axes.items() if len(values) > 1])


def ranges(numbers: Collection[int]) -> str:
    """Whole numbers as in ``0-3, 7``."""
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ends)
