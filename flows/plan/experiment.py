"""An experiment, validated, and the grid of cells that it expands to."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidatorFunctionWrapHandler, field_validator, model_validator

from flows.errors import ConfigurationError
from flows.plan import grid
from flows.plan.cell import PARAM_NAMES, Cell
from flows.plan.fields import SEED_LIMIT, Axis, Settings, parse_seeds
from flows.plan.settings import CommonSettings, NetworkSettings


class Heading(Settings):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """name of the MLflow experiment"""
    description: str = Field("", max_length=2000)
    """what it is for"""


class Experiment(CommonSettings, Heading):
    """A data set, networks, a descent, corruptions, noise images and seeds: everything that decides a result.

    Every setting is scalar. One that is given as a list of values becomes an axis of the grid: `grid` has the values,
    and the setting itself the first of them. In a network, it becomes several networks.
    """

    networks: tuple[NetworkSettings, ...] = Field((NetworkSettings(),), min_length=1)
    """an axis of the grid"""
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=SEED_LIMIT)], ...], BeforeValidator(parse_seeds), Field(min_length=1)
    ] = tuple(range(3))
    """seeds of the starts and of the corruption: 0-9, or 0,2,5 (an axis of the grid)"""
    grid: dict[str, Annotated[Axis[Any], Field(min_length=1)]] = {}  # noqa: RUF012
    """more axes of the grid: values of any other setting by its path, such as {"descent.learning_rate": [0.5, 1.5, 3]};
    in a file, the list can also stand where the setting stands"""

    @model_validator(mode="before")
    @classmethod
    def _lists_are_axes(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        settings, axes = grid.split(grid.in_place({"networks": [{}], **given}, "grid"), CommonSettings)
        grid.check_size(axes)
        if axes:
            every = common_settings(settings, axes)
            axes = {path: grid.different(path, every, len(values)) for path, values in axes.items()}
            settings["grid"] = axes
        return settings

    @field_validator("networks", mode="wrap")
    @classmethod
    def _lists_make_several_networks(cls, given: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(given, list | tuple):
            return validate(given)
        choices = [grid.expanded(network, NetworkSettings, f"networks.{place}.") for place, network in enumerate(given)]
        # In rounds over the given list, so that an error names the place of a network in it.
        rounds = [validate([networks[0] for networks in choices])]
        for number in range(1, max(map(len, choices))):
            chosen = zip(choices, rounds[0], strict=True)
            rounds.append(validate([networks[number] if number < len(networks) else one for networks, one in chosen]))
        return tuple(rounds[number][place] for place, networks in enumerate(choices) for number in range(len(networks)))

    @model_validator(mode="after")
    def _has_every_cell_once(self) -> "Experiment":
        for path, axis in self.axes.items():
            if len(set(axis)) < len(axis):
                raise ConfigurationError(f"{path}: a value given twice; allowed: every value once")
        grid.check_size(self.axes)
        return self

    @property
    def axes(self) -> dict[str, tuple]:
        """The axes of the grid by field. The last varies fastest: cells that can be trained together are neighbours."""
        return self.grid | {
            "networks": self.networks,
            "data.rows": self.data.rows,
            "corruption.inputs": self.corruption.inputs,
            "corruption.fractions": self.corruption.fractions,
            "seeds": self.seeds,
        }

    def varied(self) -> tuple[str, ...]:
        """The params in which its cells differ, besides the seed and the fraction."""
        of_networks = [
            name for name in NetworkSettings.model_fields if len({getattr(n, name) for n in self.networks}) > 1
        ]
        paths = [path for path in ("data.rows", "corruption.inputs") if len(self.axes[path]) > 1]
        return *of_networks, *(PARAM_NAMES.get(path, path.rpartition(".")[2]) for path in (*paths, *self.grid))

    def cells(self) -> list[Cell]:
        """One cell for each point of the grid; where no label is wrong, their kind makes no second cell."""
        own = {
            "network": self.networks,
            "rows": self.data.rows,
            "inputs": self.corruption.inputs,
            "fraction": self.corruption.fractions,
            "seed": self.seeds,
        }
        cells, varied = [], self.varied()
        for common in common_settings(self.model_dump(include=set(CommonSettings.model_fields)), self.grid):
            cell = Cell(**dict(common), seed=0, varied=varied)
            cells += [cell.model_copy(update=point) for point in grid.points(own)]
        if not any(path.startswith("corruption.") for path in self.grid):
            return cells
        different: dict[tuple, Cell] = {}
        for cell in cells:
            different.setdefault((cell.key(""), cell.data, cell.rows), cell)
        return list(different.values())


def common_settings(given: dict[str, Any], axes: grid.Axes) -> list[CommonSettings]:
    """The settings that cells have in common, validated, for each combination of the values of some axes."""
    common = {name: value for name, value in given.items() if name in CommonSettings.model_fields}
    return [CommonSettings.model_validate(grid.put_all(common, point)) for point in grid.points(axes)]
