"""From cells to stacks, the cells that are trained together."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby, pairwise

import psutil

from flows.plan.cell import Cell, written
from mlp.engine.cost import epoch_seconds, group_size

# Larger stacks take more memory, and hardly train faster per cell.
MAX_CELLS_OF_A_STACK = 32
WORTH_A_PROCESS = 4.0  # seconds of training: a shorter sweep ends no sooner with several processes
MAX_TEST_IMAGES = 10_000  # of the data sets that are known; others have about as many
WORKER_BYTES = 350_000_000  # of a process with its packages and MNIST, without cells
START_SECONDS = 0.6  # of a stack, before its first epoch and after its last
# A core's share of the last cache. In stacks that do not fit into it, a cell takes about a fourth longer; to divide
# them pays if what fits takes longer than some seconds.
CACHE_BYTES, WORTH_A_STACK = 16e6, 4.0
# Into how many stacks for each worker the work of all is divided, if it pays.
MAX_ROUNDS = 6

MAX_VALUES = 4  # of a param, in the title of a stack
PLAIN_DESCENT = ("sgd", False)  # the block of cells whose step rule does not remember earlier gradients

Stack = dict[str, Cell]  # by key


def plan(cells: Stack, workers: int, memory: float) -> list[Stack]:
    """Divide cells into stacks of one shape, so that all workers are done at about the same time.

    The workers take the stacks in this order, the longest first. Of several divisions, from few large stacks to more
    small ones, the one that ends first is chosen.

    Parameters
    ----------
    memory : float
        Bytes that the stacks which train at the same time may take together. A stack has at least one cell.
    """
    total = total_seconds(cells)
    if total < WORTH_A_PROCESS:
        workers = 1
    groups = [sorted(stack.items(), key=lambda item: item[1].block) for stack in by_shape(cells)]
    divisions = []
    for rounds in range(1, MAX_ROUNDS + 1):
        longest = total / workers / rounds
        stacks = [stack for members in groups for stack in divided(members, longest, memory / workers)]
        divisions.append(sorted(stacks, key=lambda stack: -seconds_of(stack.values())))
    return min(divisions, key=lambda stacks: max(work.seconds for work in assigned(stacks, workers)))


def by_shape(cells: Stack) -> list[Stack]:
    """Cells in stacks of one shape."""
    stacks: dict[tuple, Stack] = {}
    for key, cell in cells.items():
        stacks.setdefault(cell.shape, {})[key] = cell
    return list(stacks.values())


def divided(members: list[tuple[str, Cell]], longest: float, memory: float) -> list[Stack]:
    """Divide cells of one shape into as few stacks of nearly equal size as have the memory, and take not too long."""
    cells = [cell for _, cell in members]
    most = min(MAX_CELLS_OF_A_STACK, max(int(memory / bytes_of(cells[0])), 1))
    full = min(most, group_size(cells[0].sizes[1]))  # smaller stacks would hardly be faster
    fitting = max(int(CACHE_BYTES / bytes_of_step(cells[0])), full)
    if seconds_of(cells[:fitting]) > WORTH_A_STACK:
        most = min(most, fitting)
    count = -(-len(cells) // most)
    while (size := -(-len(cells) // count)) > full and seconds_of(cells[:size]) > 1.01 * longest:
        count += 1
    ends = [len(cells) * place // count for place in range(count + 1)]
    return [dict(members[first:after]) for first, after in pairwise(ends)]


@dataclass
class Work:
    """The task of a worker, and about how long it takes."""

    stacks: list[Stack]
    seconds: float = 0.0


def assigned(stacks: list[Stack], workers: int) -> list[Work]:
    """The stacks of each worker, if each takes the next one whenever it is free."""
    plans = [Work([]) for _ in range(workers)]
    for stack in stacks:
        free = min(plans, key=lambda work: work.seconds)
        free.stacks.append(stack)
        free.seconds += START_SECONDS + seconds_of(stack.values())
    return [work for work in plans if work.stacks]


def seconds_of(cells: Collection[Cell]) -> float:
    """About how long cells of one shape train as a stack, in seconds."""
    first = next(iter(cells))
    blocks = Counter(cell.block for cell in cells)
    return max(cell.descent.epochs for cell in cells) * epoch_seconds(
        first.sizes,
        list(blocks.values()),
        first.images,
        (first.curve_rows or first.images) + (first.data.test_rows or MAX_TEST_IMAGES),
        first.descent.batch_size,
        shared=first.order == "experiment",
        remembering=sum(count for block, count in blocks.items() if block != PLAIN_DESCENT),
    )


def bytes_of_work(work: Work) -> int:
    """Approximate memory of a worker, in bytes."""
    return WORKER_BYTES + max(sum(map(bytes_of, stack.values())) for stack in work.stacks)


def total_seconds(cells: Stack) -> float:
    """About how long cells of any shapes train on one core, in seconds."""
    return sum(seconds_of(stack.values()) for stack in by_shape(cells))


def bytes_of(cell: Cell) -> int:
    """Approximate memory that a cell adds to a stack, in bytes."""
    # Label, answer and cost of every image; weights, their velocity, their start and their end.
    return 8 * cell.images + 16 * cell.weights


def bytes_of_step(cell: Cell) -> int:
    """Approximate memory that a step of a cell reads and writes, in bytes."""
    # Weights, gradient and velocity; of each image the weighted sums, activations and their gradients.
    return 12 * cell.weights + 16 * cell.descent.batch_size * sum(cell.sizes[1:])


def half_of_what_is_free() -> float:
    """Half of this machine's free memory, in bytes."""
    return psutil.virtual_memory().available / 2


def title(cells: Collection[Cell], *, with_fractions: bool = True) -> str:
    """Say what a stack trains: ``seeds 0-4, fractions 0, 0.5``, and its values of what varies in the experiment."""
    first = next(iter(cells))
    fractions = sorted({cell.fraction for cell in cells})
    parts = [f"seeds {ranges({cell.seed for cell in cells})}"]
    if with_fractions:
        parts.append(f"fractions {', '.join(f'{x:g}' for x in fractions)}")
    params = [cell.params() for cell in cells] if first.varied else []
    for name in first.varied:
        values = dict.fromkeys(written(of_cell[name]) for of_cell in params)
        parts.append(f"{name} {', '.join(values)}" if len(values) <= MAX_VALUES else f"{len(values)} of {name}")
    return ", ".join(parts)


def ranges(numbers: Collection[int]) -> str:
    """Whole numbers as in ``0-3, 7``."""
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ends)
