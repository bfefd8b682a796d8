"""Lists in the place of settings: the axes of a grid.

A setting may be given as a list of values. `split` takes these lists out of what a user has given, so that settings
themselves stay scalar, and `points` puts every combination of their values back.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import product
from math import prod
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from flows.errors import ConfigurationError
from flows.plan.fields import LISTED, MAX_CELLS, as_list

Axes = Mapping[str, tuple[Any, ...]]  # values by dotted path, such as {"descent.momentum": (0, 0.9)}
DEEPEST = 3  # a matrix in a list of matrices


def points(axes: Axes) -> Iterator[dict[str, Any]]:
    """Every combination of the values of some axes, by path; the last axis varies fastest."""
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def check_size(axes: Axes) -> None:
    """Raise a ConfigurationError if a grid has too many cells."""
    if (count := prod(map(len, axes.values()))) > MAX_CELLS:
        raise ConfigurationError(f"the grid has {count:,} cells; allowed: at most {MAX_CELLS:,}")


def put_all(settings: Any, values: Mapping[str, Any]) -> Any:
    """Nested settings with other values at dotted paths; the validation finds out whether there are such fields.

    Raises
    ------
    ConfigurationError
        If there is no such place: a number of no list, or something below a number.
    """
    for path, value in values.items():
        settings = put(settings, path.split("."), value, path)
    return settings


def put(settings: Any, names: list[str], value: Any, path: str) -> Any:
    """Nested settings with another value below some names, the last of those of a path."""
    if not names:
        return value
    name, *rest = names
    if isinstance(settings, dict):
        return settings | {name: put(settings.get(name, {}), rest, value, path)}
    if not (isinstance(settings, list | tuple) and re.fullmatch("[0-9]{1,9}", name) and int(name) < len(settings)):
        raise ConfigurationError(f"{path}: no such field: {name!r} is neither a field nor an index of a list")
    changed = list(settings)
    changed[int(name)] = put(settings[int(name)], rest, value, path)
    return changed


def in_place(given: dict[str, Any], field: str) -> dict[str, Any]:
    """Move the lists of values that a field has by path to where the settings stand.

    Raises
    ------
    ConfigurationError
        If a setting has other values where it stands, or its path leads nowhere.
    """
    named = given.get(field, {})
    if not isinstance(named, dict):
        return given
    for path, values in named.items():
        before: Any = given
        for name in str(path).split("."):
            before = before.get(name, values) if isinstance(before, dict) else values
        if before != values and before not in as_list(values):
            raise ConfigurationError(f"{path}: {before!r} given, and other values in {field}; allowed: one of the two")
    settings = {name: value for name, value in given.items() if name != field}
    return put_all(settings, {str(path): as_list(values) for path, values in named.items()})


def different(path: str, settings: Iterable[Any], count: int) -> tuple[Any, ...]:
    """The different values of a setting in several settings; a ConfigurationError if there are fewer than `count`."""
    values = tuple(dict.fromkeys(reduce(getattr, path.split("."), one) for one in settings))
    if len(values) < count:
        raise ConfigurationError(f"{path}: a value given twice; allowed: every value once")
    return values


def depths(annotation: Any) -> set[int]:
    """Find the depths to which lists are nested in the values of a type: 0 for a number, 1 for a tuple of numbers."""
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return depths(inner[0])
    if kind in (Union, UnionType):
        return set().union(*map(depths, inner))
    return {1 + depth for depth in depths(inner[0])} if kind is tuple else {0}


def depth_of(value: Any) -> int:
    """Find the depth to which lists are nested in a value; by YAML's aliases one can contain itself."""
    depth = 0
    while isinstance(value, list | tuple) and depth <= DEEPEST:
        value, depth = value[0] if value else None, depth + 1
    return depth


def split(given: dict[str, Any], model: type[BaseModel], path: str = "") -> tuple[dict[str, Any], Axes]:
    """Take the lists out of given settings.

    Parameters
    ----------
    model : type of BaseModel
        Whose fields the settings are; what is none of them is left for pydantic to refuse.
    path : str
        Dotted path of the settings, with a dot at its end.

    Returns
    -------
    settings : dict
        With the first value of each list.
    axes : dict
    """
    settings: dict[str, Any] = dict(given)
    axes: dict[str, tuple] = {}
    for name, value in given.items():
        field, place = model.model_fields.get(name), f"{path}{name}"
        if field is None or LISTED in field.metadata:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            if isinstance(value, dict):
                settings[name], inner = split(value, field.annotation, f"{place}.")
                axes |= inner
        elif (depth := depth_of(value)) and depth not in (own := depths(field.annotation)) and depth - 1 in own:
            if not value:
                raise ConfigurationError(f"{place}: an empty list given; allowed: one or more values")
            settings[name], axes[place] = value[0], tuple(value)
    return settings, axes


def expanded(given: Any, model: type[BaseModel], path: str) -> list[Any]:
    """Settings without lists of values: one for each combination of those in given settings at a path."""
    if not isinstance(given, dict):
        return [given]
    settings, axes = split(given, model, path)
    check_size(axes)
    return [settings | {place.removeprefix(path): value for place, value in point.items()} for point in points(axes)]
