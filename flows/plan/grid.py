"""Lists in the place of settings: the axes of a grid.

A setting may be given as a list of values. `split` takes these lists out of what a user has given, so that settings
themselves stay scalar, and `points` puts every combination of their values back.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import product
from math import prod
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from flows.plan.fields import MAX_CELLS, as_list

Model = TypeVar("Model", bound=BaseModel)
Axes = dict[str, tuple[Any, ...]]  # values by dotted path, such as {"descent.momentum": (0, 0.9)}
DEEPEST = 3  # a matrix in a list of matrices


def points(axes: Mapping[str, tuple]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of some axes, by path; the last axis varies fastest."""
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def check_size(axes: Mapping[str, tuple]) -> None:
    """Raise a ValueError if a grid has too many cells."""
    if (count := prod(map(len, axes.values()))) > MAX_CELLS:
        raise ValueError(f"the grid has {count:,} cells; allowed: at most {MAX_CELLS:,}")


def put(settings: Any, path: str, value: Any) -> Any:
    """Nested settings with another value at a dotted path.

    Raises
    ------
    ValueError
        If there is no such place: a number of no list, or something below a number.
    """
    name, _, rest = path.partition(".")
    if isinstance(settings, dict):
        return settings | {name: put(settings.get(name, {}), rest, value) if rest else value}
    if not (isinstance(settings, list | tuple) and name.isdecimal() and int(name) < len(settings)):
        raise ValueError(f"{name!r} is neither a field nor an index of a list")
    changed = put(settings[int(name)], rest, value) if rest else value
    return [*settings[: int(name)], changed, *settings[int(name) + 1 :]]


def put_all(settings: Any, values: Mapping[str, Any]) -> Any:
    """Nested settings with other values at several dotted paths."""
    for path, value in values.items():
        try:
            settings = put(settings, path, value)
        except ValueError as error:
            raise ValueError(f"{path}: no such field: {error}") from None
    return settings


def changed(settings: Model, path: str, value: Any) -> Model:
    """Validated settings with another valid value at a dotted path."""
    name, _, rest = path.partition(".")
    return settings.model_copy(update={name: changed(getattr(settings, name), rest, value) if rest else value})


def in_place(given: dict[str, Any], field: str) -> dict[str, Any]:
    """Move the lists of values that a field has by path to where the settings stand."""
    named = given.get(field, {})
    if not isinstance(named, dict):
        return given
    for path, values in named.items():
        before: Any = given
        for name in str(path).split("."):
            before = before.get(name, values) if isinstance(before, dict) else values
        if before != values and before not in as_list(values):
            raise ValueError(f"{path}: {before!r} given, and other values in {field}; allowed: one of the two")
    settings = {name: value for name, value in given.items() if name != field}
    return put_all(settings, {str(path): as_list(values) for path, values in named.items()})


def values_of(path: str, settings: Iterable[Any], count: int) -> tuple[Any, ...]:
    """The different values of a setting in several settings; a ValueError if there are fewer than `count`."""
    found = tuple(dict.fromkeys(reduce(getattr, path.split("."), one) for one in settings))
    if len(found) < count:
        raise ValueError(f"{path}: a value given twice; allowed: every value once")
    return found


def depths(annotation: Any) -> set[int]:
    """How deep lists are nested in the values of a type: 0 for a number, 1 for a tuple of numbers."""
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return depths(inner[0])
    if kind in (Union, UnionType):
        return set().union(*map(depths, inner))
    return {1 + depth for depth in depths(inner[0])} if kind is tuple else {0}


def depth_of(value: Any) -> int:
    """How deep lists are nested in a value; by YAML's aliases one can contain itself."""
    for depth in range(DEEPEST + 1):
        if not isinstance(value, list | tuple):
            return depth
        if not value:
            return depth + 1
        value = next((item for item in value if item != []), value[0]) if depth < DEEPEST else None
    return DEEPEST + 1


def split(given: dict[str, Any], model: type[BaseModel], fixed: frozenset[str], path: str = "") -> tuple[dict, Axes]:
    """Take the lists out of given settings.

    Parameters
    ----------
    model : type of BaseModel
        Whose fields the settings are; what is none of them is left for pydantic to refuse.
    fixed : set of str
        Paths of fields that are no axes.

    Returns
    -------
    settings : dict
        With the first value of each list.
    axes : dict
    """
    settings: dict[str, Any] = {}
    axes: Axes = {}
    for name, value in given.items():
        settings[name], place = value, f"{path}{name}"
        if not (field := model.model_fields.get(name)) or place in fixed:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            if isinstance(value, dict):
                settings[name], inner = split(value, field.annotation, fixed, f"{place}.")
                axes |= inner
        elif (depth := depth_of(value)) and depth not in (own := depths(field.annotation)) and depth - 1 in own:
            if not value:
                raise ValueError(f"{place}: an empty list given; allowed: one or more values")
            settings[name], axes[place] = value[0], tuple(value)
    return settings, axes


def expanded(given: Any, model: type[BaseModel], field: str) -> tuple[Any, list[int]]:
    """Replace every item of a list that has lists of values by items without, one for each combination.

    Parameters
    ----------
    model : type of BaseModel
        Of the items.
    field : str
        The name of the list.

    Returns
    -------
    items : list
    places : list of int
        For each item its place in the given list.
    """
    if not isinstance(given, list | tuple):
        return given, []
    items, places = [], []
    for place, item in enumerate(given):
        item, axes = split(item, model, frozenset(), f"{field}.{place}.") if isinstance(item, dict) else (item, {})
        check_size(axes)
        for point in points(axes):
            items.append(item | {path.rpartition(".")[2]: value for path, value in point.items()} if point else item)
            places.append(place)
    return items, places


def relocated(error: ValidationError, field: str, places: list[int]) -> ValidationError:
    """The same error, with the places that the items of a list had before `expanded`."""
    details = []
    for line in error.errors():
        location = line["loc"]
        match location:
            case (name, int(place), *rest) if name == field and place < len(places):
                location = (field, places[place], *rest)
        # As a custom type, because not every type can be made again from its name.
        kind = PydanticCustomError(line["type"], line["msg"])  # type: ignore[arg-type]
        details.append(InitErrorDetails(type=kind, loc=location, input=line["input"]))
    return ValidationError.from_exception_data(error.title, details)
