"""Types of an experiment's fields, and the base of its sections."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import CoreSchema, core_schema

from mlp.data.label_noise import transition_matrix

MAX_CELLS = 10_000
SEED_LIMIT = 2**32
CLASSES = 10  # of every data set


def parse_seeds(given: Any) -> Any:
    """Seeds as a list of numbers, from ``7``, ``"0-9"`` or ``"0,2,5-7"``.

    Raises
    ------
    ValueError
        If a text is none of these, a range goes down, or there are too many seeds; the message says what is allowed.
    """
    if not isinstance(given, str):
        return [given] if isinstance(given, int) else given
    seeds: list[int] = []
    for part in given.split(","):
        if not (match := re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)):
            raise ValueError("whole numbers and ranges like 0-9 or 0,2,5-7")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + MAX_CELLS - len(seeds):
            raise ValueError(f"ranges that go up, of at most {MAX_CELLS} seeds together")
        seeds += range(first, last + 1)
    return seeds


def parse_flips(given: Any) -> Any:
    """Pairs of labels as they are written without spaces, or a matrix of probabilities; checked by `mlp`.

    Raises
    ------
    ValueError
        If `mlp` refuses them; the message says what is allowed.
    """
    flips = "".join(given.split()) if isinstance(given, str) else given
    try:
        matrix = transition_matrix(flips, CLASSES)
    except ValueError as error:
        raise ValueError(str(error).partition("; allowed: ")[2]) from None
    return flips if isinstance(flips, str) else tuple(tuple(rounded(float(share)) for share in row) for row in matrix)


def as_list(given: Any) -> Any:
    """A single value as a list of one, and ``"0,0.5,1"`` as a list of three."""
    if isinstance(given, str):
        return given.split(",")
    return given if isinstance(given, list | tuple) else [given]


@dataclass(frozen=True, eq=False)
class OneOf:
    """Annotates a field whose values are the names in a table of `mlp`, like a `Literal` of them."""

    names: Collection[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.literal_schema(list(self.names))


def rounded(value: Any) -> Any:
    """A number with 12 significant digits, so that 0.1 + 0.2 is 0.3, and -0.0 is 0: equal settings have equal keys."""
    return float(f"{value:.12g}") + 0.0 if isinstance(value, float) else value


Fraction = Annotated[float, Field(ge=0, le=1), AfterValidator(rounded)]
Value = TypeVar("Value")
LISTED = BeforeValidator(as_list)
Axis = Annotated[tuple[Value, ...], LISTED]  # a field that has several values by itself


class Settings(BaseModel):
    """Settings are immutable, and refuse unknown fields. Numbers are rounded to 12 significant digits."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True, use_attribute_docstrings=True
    )
    _rounded = field_validator("*")(rounded)
