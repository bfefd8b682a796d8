"""What a reader of a comparison must know before trusting the numbers."""

from collections.abc import Sequence

import pandas as pd

from mlp.statistics.intervals import FEWEST_SEEDS


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
    if common and (least := 2 / 2 ** min(common)) > 0.05:
        notes.append(f"with {min(common)} seeds in common no p can be below {min(least, 1):.3g}: look at the intervals")
    return notes
