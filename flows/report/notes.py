"""Notes that a reader of a comparison needs before trusting the numbers."""

from collections.abc import Sequence

import pandas as pd

from mlp.statistics.intervals import FEWEST_SEEDS

LEVEL = 0.05  # of a test


def note_on_axes(given: Sequence[str], by: Sequence[str]) -> list[str]:
    """That cells are grouped by more params than the given ones."""
    added = [name for name in by if name not in given]
    return [f"also grouped by {', '.join(added)}, in which the cells differ"] if added else []


def notes_on_seeds(cells: pd.DataFrame, bases: list[int | None]) -> list[str]:
    """Warnings: few seeds, groups with different seeds, tests that can't be significant."""
    notes = []
    seeds = [frozenset(seeds) for _, seeds in cells.groupby("group")["seed"]]
    if (fewest := min(map(len, seeds))) < FEWEST_SEEDS:
        only = f"{fewest} seed{'s' * (fewest > 1)}"
        notes.append(f"a group has only {only}: too few for an interval, so the seeds are shown instead")
    if len(set(seeds)) > 1:
        notes.append("the groups have different seeds; differences use the seeds that both groups have")
    common = [len(seeds[base] & mine) for base, mine in zip(bases, seeds, strict=True) if base is not None]
    if common and not tells(min(common), len(common)):
        notes.append(f"no p is given: {smallest_p(min(common), len(common))}")
    return notes


def least_p(seeds: int, tests: int) -> float:
    """The smallest p of a sign-flip test that so many seeds allow, with Holm's correction for so many tests."""
    return min(tests * 2.0 ** (1 - seeds), 1)


def tells(seeds: int, tests: int) -> bool:
    """Tell whether so many seeds allow a p of 0.05: below, p says nothing and is not given."""
    return least_p(seeds, tests) <= LEVEL


def smallest_p(seeds: int, tests: int) -> str:
    """The smallest p that so few seeds allow, in words."""
    formula = f"{tests} · 2 / 2^{seeds}" if tests > 1 else f"2 / 2^{seeds}"
    return f"{seeds} seed{'s' * (seeds != 1)} allow no p below {least_p(seeds, tests):.3g} ({formula})"
