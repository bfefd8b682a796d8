"""Values of params: in types that JSON has, as numbers, as text, and in order."""

from typing import Any

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """A value in a type that JSON has; None if it is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def rank(key: tuple) -> tuple[tuple, ...]:
    """Sort key of a group: numbers by size, even those that are stored as texts, then other texts."""
    sizes = [number(value) for value in key]
    return tuple(
        (1, 0.0, str(value)) if size is None else (0, size, "") for value, size in zip(key, sizes, strict=True)
    )


def number(value: Any) -> float | None:
    """A value as a number; None if it is not one."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def show(value: Any) -> str:
    """The value of a param as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
