"""An experiment, validated, and the grid of cells that it expands to."""

from functools import partial, reduce
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from flows.plan import grid
from flows.plan.cell import CURVE_ROWS, Cell
from flows.plan.fields import SEED_LIMIT, Fraction, OneOf, Settings, as_list, parse_flips, parse_seeds
from mlp.data.corruption import IMAGE_CORRUPTIONS, LABEL_CORRUPTIONS
from mlp.data.preprocessing import PREPROCESSES
from mlp.data.rows import CHOICES
from mlp.data.sets import NAMES, SIDE, SPLITS
from mlp.measures.confidence import NOISES
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.descent import SCHEDULES, Descent
from mlp.nn.network import STARTS, Network
from mlp.nn.steps import RULES

# Fields that are axes already, or decide no result of a single cell: a list in their place is no axis.
NO_AXES = frozenset(
    ("name", "description", "grid", "networks", "seeds", "data.rows", "corruption.inputs", "corruption.fractions",
     "noise.kinds")
)  # fmt: skip
PARAM_NAMES = {  # by path, where they are not the last part of it
    "data.name": "data",
    "corruption.labels": "corruption",
    "corruption.seed": "corruption_seed",
    "noise.count": "noise_count",
    "noise.seed": "noise_seed",
}


class DataSettings(Settings):
    name: str = Field(
        "mnist",
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$",
        description="mnist, fashion, kmnist, digits (part of scikit-learn, needs no network), auto (mnist, or digits "
        "where OpenML can't be reached), or the OpenML name of any set of square images, grey or in colour",
    )
    split: Annotated[str, OneOf(SPLITS)] = Field(
        "canonical",
        description="train on the first 60,000 images, or on a random choice that keeps the share of each digit",
    )
    rows: Annotated[tuple[Annotated[int, Field(ge=10, le=10_000_000)] | None, ...], BeforeValidator(as_list)] = Field(
        (None,),
        min_length=1,
        description="how many training images to use (an axis of the grid); null: all",
    )
    choice: Annotated[str, OneOf(CHOICES)] = Field(
        "first", description="the first of them, equally many of every class, or another random sample for each seed"
    )
    test_rows: int | None = Field(None, ge=10, description="how many test images to use, from the first; null: all")
    side: int | None = Field(
        None, ge=4, le=1024, description="average the pixels of larger images to this side; null: 28, or their own side"
    )
    preprocess: Annotated[str, OneOf(PREPROCESSES)] = Field(
        "none", description="deskew makes slanted digits upright, before training and before every answer"
    )

    @model_validator(mode="after")
    def _is_not_enlarged(self) -> "DataSettings":
        # The side of other sets is known when they are loaded.
        if self.name in NAMES and self.side is not None and self.side > SIDE:
            raise ValueError(f"side: {self.side} given; allowed: 4 to {SIDE} for {self.name}, or null")
        return self


class NetworkSettings(Settings):
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        Network.sizes[1:-1], max_length=8, description="neurons of each hidden layer"
    )
    activation: Annotated[str, OneOf(ACTIVATIONS)] = Field(Network.activation, description="of the hidden layers")
    cost: Annotated[str, OneOf(COSTS)] = Field(
        Network.cost, description="sum of squares on sigmoid outputs, or cross-entropy on softmax outputs"
    )
    start: Annotated[str, OneOf(STARTS)] = Field(
        Network.start, description="weights from N(0, 1/fan_in) and zero biases, or weights and biases from N(0, 1)"
    )


class DescentSettings(Settings):
    learning_rate: float = Field(
        Descent.learning_rate, gt=0, le=1000, description="multiple of the negative gradient of the average cost"
    )
    batch_size: int = Field(Descent.batch_size, ge=1, le=100_000, description="images per mini-batch")
    epochs: int = Field(Descent.epochs, ge=1, le=100_000, description="passes over the training images")
    momentum: float = Field(Descent.momentum, ge=0, lt=1, description="share of the last step added to the next")
    rule: Annotated[str, OneOf(RULES)] = Field(
        Descent.rule, description="how a gradient moves the weights; sgd without momentum is plain gradient descent"
    )
    weight_decay: float = Field(
        Descent.weight_decay, ge=0, le=1, description="each step multiplies the weights by 1 - rate x weight decay"
    )
    dropout: float = Field(
        Descent.dropout, ge=0, lt=1, description="share of the hidden activations dropped at random in every step"
    )
    schedule: Annotated[str, OneOf(SCHEDULES)] = Field(Descent.schedule, description="how the rate changes by epoch")
    decay: float = Field(Descent.decay, gt=0, le=1, description="factor per epoch, for the exponential schedule")
    center: bool = Field(Descent.center, description="subtract the mean training image")
    shift: int = Field(Descent.shift, ge=0, le=8, description="random shifts of the training images, in pixels")

    @model_validator(mode="after")
    def _rule_can_use_the_momentum(self) -> "DescentSettings":
        Descent(**self.model_dump())
        return self


class CorruptionSettings(Settings):
    labels: Annotated[str, OneOf(LABEL_CORRUPTIONS)] = Field(
        "shuffle",
        description="permute the chosen labels among themselves, draw each of them anew, flip them by the matrix of "
        "`flips`, or give wrong ones to the images of which a reference network is least sure",
    )
    flips: Annotated[str | tuple[tuple[float, ...], ...], BeforeValidator(parse_flips)] = Field(
        "4-9",
        description="for labels: flip. Pairs such as 4-9 (both ways), 7>1 (one way) with commas, or a matrix with the "
        "probability of each given label in the row of each true label",
    )
    fractions: Annotated[tuple[Fraction, ...], BeforeValidator(as_list), Field(min_length=1)] = Field(
        (0.0,), description="fractions of the training labels to corrupt (an axis of the grid)"
    )
    inputs: Annotated[tuple[Annotated[str, OneOf(("true", *IMAGE_CORRUPTIONS))], ...], BeforeValidator(as_list)] = (
        Field(("true",), min_length=1, description="what replaces the training images (an axis of the grid)")
    )
    seed: int | None = Field(
        None, ge=0, lt=SEED_LIMIT, description="seed of the corrupted labels, for all cells; null: that of each cell"
    )


class NoiseSettings(Settings):
    kinds: Annotated[tuple[Annotated[str, OneOf(NOISES)], ...], BeforeValidator(as_list)] = Field(
        ("uniform", "gaussian"), description="kinds of noise images that the trained networks are tested on"
    )
    count: int = Field(1000, ge=10, le=100_000, description="images per kind")
    seed: int = Field(0, ge=0, lt=SEED_LIMIT, description="seed of the noise images, which are the same for all cells")


class Experiment(Settings):
    """A data set, networks, a descent, corruptions, noise images and seeds: everything that decides a result.

    Every setting is scalar. One that is given as a list of values becomes an axis of the grid: `grid` has the values,
    and the setting itself the first of them. In a network, it becomes several networks.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="name of the MLflow experiment")
    description: str = Field("", max_length=2000, description="what it is for")
    data: DataSettings = DataSettings()
    networks: tuple[NetworkSettings, ...] = Field((NetworkSettings(),), min_length=1, description="an axis of the grid")
    descent: DescentSettings = DescentSettings()
    corruption: CorruptionSettings = CorruptionSettings()
    noise: NoiseSettings = NoiseSettings()
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=SEED_LIMIT)], ...], BeforeValidator(parse_seeds), Field(min_length=1)
    ] = Field(
        tuple(range(3)), description="seeds of the starts and of the corruption: 0-9, or 0,2,5 (an axis of the grid)"
    )
    order: Literal["experiment", "seed"] = Field(
        "experiment", description="mini-batches in one order for all cells, or in an order per seed"
    )
    evaluation_rows: int | None = Field(
        None,
        ge=10,
        description="between the first and the last epoch, measure the training metrics on this many images only, the "
        f"first ones; null: on {CURVE_ROWS:,}, or on all with stop_accuracy. The first and the last epoch read all",
    )
    stop_accuracy: float | None = Field(
        None, gt=0, le=1, description="stop a cell when its training accuracy reaches this; null: never"
    )

    grid: dict[str, Annotated[tuple[Any, ...], BeforeValidator(as_list), Field(min_length=1)]] = Field(
        {},
        description="more axes of the grid: values of any other setting by its path, such as "
        '{"descent.learning_rate": [0.5, 1.5, 3]}; in a file, the list can also stand where the setting stands',
    )

    @model_validator(mode="wrap")
    @classmethod
    def _lists_are_axes(cls, given: Any, validate: ValidatorFunctionWrapHandler) -> "Experiment":
        if not isinstance(given, dict):
            return validate(given)
        settings, axes = grid.split(grid.in_place({"networks": [{}], **given}, "grid"), cls, NO_AXES)
        grid.check_size(axes)
        settings["networks"], places = grid.expanded(settings["networks"], NetworkSettings, "networks")
        try:
            experiment: Experiment = validate(settings)
            if axes:
                whole = experiment.model_dump()
                each = [cls.model_validate(grid.put_all(whole, point)) for point in grid.points(axes)]
                values = {path: grid.values_of(path, each, len(axes[path])) for path in axes}
                experiment = validate(settings | {"grid": values})
        except ValidationError as error:
            raise grid.relocated(error, "networks", places) from None
        if experiment.evaluation_rows is not None and experiment.stop_accuracy is not None:
            raise ValueError(
                f"evaluation_rows: {experiment.evaluation_rows} given with stop_accuracy; allowed: null, because some "
                "images can't say that all are fitted"
            )
        for path, axis in experiment.axes.items():
            if len(set(axis)) < len(axis):
                raise ValueError(f"{path}: a value given twice; allowed: every value once")
        grid.check_size(experiment.axes)
        return experiment

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

    def points(self) -> list["Experiment"]:
        """An experiment without `grid` for each combination of the values in it."""
        plain = self.model_copy(update={"grid": {}})
        return [reduce(lambda some, item: grid.changed(some, *item), point.items(), plain)
                for point in grid.points(self.grid)]  # fmt: skip

    def varied(self) -> tuple[str, ...]:
        """The params in which its cells differ, besides the seed and the fraction."""
        of_networks = [
            name for name in NetworkSettings.model_fields if len({getattr(n, name) for n in self.networks}) > 1
        ]
        rows, inputs = ["rows"] * (len(self.data.rows) > 1), ["inputs"] * (len(self.corruption.inputs) > 1)
        return *of_networks, *rows, *inputs, *(PARAM_NAMES.get(path, path.rpartition(".")[2]) for path in self.grid)

    def cells(self) -> list[Cell]:
        """One cell for each point of the grid; where no label is wrong, their kind makes no second cell."""
        axes = self.networks, self.data.rows, self.corruption.inputs, self.corruption.fractions, self.seeds
        cell = partial(Cell, varied=self.varied())
        cells = [cell(*point) for point in product(self.points(), *axes)]
        if not any(path.startswith("corruption.") for path in self.grid):
            return cells
        different: dict[tuple, Cell] = {}
        for one in cells:
            different.setdefault((one.key(""), one.experiment.data, one.rows), one)
        return list(different.values())


# A table of cells has these columns on the run of each cell, then the params (here with their defaults), then metrics.
RUN_COLUMNS = ("experiment", "sweep", "cell", "run_id", "name", "started", "seconds", "test_images")
PARAMS: dict[str, str] = {name: str(value) for name, value in Experiment(name="default").cells()[0].params().items()}
