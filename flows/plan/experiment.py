"""An experiment, validated, and the grid of cells that it expands to."""

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import CoreSchema, core_schema

from mlp.activations import ACTIVATIONS
from mlp.confidence import NOISES
from mlp.corruption import IMAGE_CORRUPTIONS, LABEL_CORRUPTIONS
from mlp.costs import COSTS
from mlp.data import SPLITS
from mlp.descent import SCHEDULES, Descent
from mlp.network import STARTS, Network
from mlp.preprocessing import PREPROCESSES
from mlp.rows import CHOICES
from mlp.steps import RULES

# Part of every cell key: raise it when a change of the method changes results, so that old runs do not count as done.
# 2: keys hold what differs from the defaults, so that a new setting with a default leaves them as they are.
METHOD = 2
MOST_CELLS = 10_000
SEED_LIMIT = 2**32


def parse_seeds(given: Any) -> Any:
    """Seeds as a list of numbers, from ``7``, ``"0-9"`` or ``"0,2,5-7"``."""
    if not isinstance(given, str):
        return [given] if isinstance(given, int) else given
    seeds: list[int] = []
    for part in given.split(","):
        if not (match := re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)):
            raise ValueError("whole numbers and ranges like 0-9 or 0,2,5-7")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + MOST_CELLS - len(seeds):
            raise ValueError(f"ranges that go up, of at most {MOST_CELLS} seeds together")
        seeds += range(first, last + 1)
    return seeds


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


class Settings(BaseModel):
    """Settings are immutable, and refuse unknown fields. Numbers are rounded to 12 significant digits."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)
    _rounded = field_validator("*")(rounded)


class DataSettings(Settings):
    name: str = Field(
        "mnist",
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$",
        description="mnist, fashion, kmnist, digits (part of scikit-learn, needs no network), auto (mnist, or digits "
        "where OpenML can't be reached), or the OpenML name of any set of 28x28 images",
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
    side: int = Field(28, ge=4, le=28, description="side of the images in pixels; below 28 pixels are averaged")
    preprocess: Annotated[str, OneOf(PREPROCESSES)] = Field(
        "none", description="deskew makes slanted digits upright, before training and before every answer"
    )


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
        "shuffle", description="permute the chosen labels among themselves, or draw each of them anew"
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
    """A data set, networks, a descent, corruptions, noise images and seeds: everything that decides a result."""

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
        None, ge=10, description="measure the training metrics on this many images, from the first; null: on all"
    )
    stop_accuracy: float | None = Field(
        None, gt=0, le=1, description="stop a cell when its training accuracy reaches this; null: never"
    )

    @model_validator(mode="after")
    def _grid_is_sound(self) -> "Experiment":
        for path, axis in self.axes.items():
            if len(set(axis)) < len(axis):
                raise ValueError(f"{path}: a value given twice; allowed: every value once")
        if (count := prod(map(len, self.axes.values()))) > MOST_CELLS:
            raise ValueError(f"the grid has {count:,} cells; allowed: at most {MOST_CELLS:,}")
        return self

    @property
    def axes(self) -> dict[str, tuple]:
        """The axes of the grid by field. The last varies fastest: cells that can be trained together are neighbours."""
        return {
            "networks": self.networks,
            "data.rows": self.data.rows,
            "corruption.inputs": self.corruption.inputs,
            "corruption.fractions": self.corruption.fractions,
            "seeds": self.seeds,
        }

    def cells(self) -> list["Cell"]:
        """One cell for each point of the grid."""
        return [Cell(self, *point) for point in product(*self.axes.values())]


@dataclass(frozen=True)
class Cell:
    """One network, to be trained once: a point of an experiment's grid."""

    experiment: Experiment
    network: NetworkSettings
    rows: int | None
    inputs: str
    fraction: float
    seed: int

    @property
    def shape(self) -> tuple:
        """What cells must share to be trained as one stack."""
        return self.network, *self.chosen_rows, self.inputs

    @property
    def chosen_rows(self) -> tuple:
        """What cells of an experiment must share to be trained on the same rows."""
        return (self.rows, self.seed) if self.experiment.data.choice == "seed" else (self.rows,)

    @property
    def work(self) -> int:
        """Approximate number of multiplications in its forward passes: images x epochs x weights."""
        return self.images * self.experiment.descent.epochs * self.weights

    @property
    def images(self) -> int:
        """Largest possible number of training images."""
        return self.rows or 60_000

    @property
    def weights(self) -> int:
        """Number of weights of the network, with ten outputs."""
        sizes = (self.experiment.data.side**2, *self.network.hidden, 10)
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(sizes))

    @property
    def name(self) -> str:
        """For example ``seed=3 shuffle=0.50``, with the other axes where the experiment has more than one value."""
        experiment = self.experiment
        parts = [f"seed={self.seed}", f"{experiment.corruption.labels}={self.fraction:.2f}"]
        if len(experiment.networks) > 1:
            parts.append(f"hidden={self.params()['hidden']}")
        if len(experiment.data.rows) > 1:
            parts.append(f"rows={self.rows}")
        if len(experiment.corruption.inputs) > 1:
            parts.append(f"inputs={self.inputs}")
        return " ".join(parts)

    def params(self) -> dict[str, Any]:
        """Flat parameters, by which runs are grouped."""
        experiment = self.experiment
        return {
            "seed": self.seed,
            "corruption": experiment.corruption.labels,
            "fraction": f"{self.fraction:.12g}",
            "inputs": self.inputs,
            "data": experiment.data.name,
            "split": experiment.data.split,
            "rows": self.rows or "all",
            "choice": experiment.data.choice,
            "side": experiment.data.side,
            "preprocess": experiment.data.preprocess,
            "hidden": "-".join(map(str, self.network.hidden)) or "none",
            **self.network.model_dump(exclude={"hidden"}),
            **experiment.descent.model_dump(),
            "order": experiment.order,
            "noise_seed": experiment.noise.seed,
        }

    @property
    def labels(self) -> dict[str, Any]:
        """How its labels are corrupted, as its key has it."""
        corruption = self.experiment.corruption
        return {corruption.labels: self.fraction, **corruption.model_dump(include={"seed"}, exclude_defaults=True)}

    def key(self, digest: str) -> str:
        """Short hash of everything that decides the result: two cells with one key are the same work.

        Settings that have their default are left out. So a new setting with a default changes no key; a new default
        would, and a test pins all of them.

        Parameters
        ----------
        digest : str
            Of the data set, after its split and with the cell's number of rows.
        """
        experiment = self.experiment
        decisive = {
            "method": METHOD,
            "digest": digest,
            "seed": self.seed,
            "network": self.network.model_dump(exclude_defaults=True),
            "descent": experiment.descent.model_dump(exclude_defaults=True),
            "noise": experiment.noise.model_dump(exclude_defaults=True),
            # If no label is corrupted, the kind of corruption makes no difference.
            "labels": self.labels if self.fraction else {},
            "inputs": self.inputs if self.inputs != "true" else {},
            **experiment.model_dump(include={"order", "evaluation_rows", "stop_accuracy"}, exclude_defaults=True),
        }
        decisive = {name: value for name, value in decisive.items() if value != {}}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


# A table of cells has these columns on the run of each cell, then the params (here with their defaults), then metrics.
RUN_COLUMNS = ("experiment", "sweep", "cell", "run_id", "name", "started", "seconds", "test_images")
PARAMS: dict[str, str] = {name: str(value) for name, value in Experiment(name="default").cells()[0].params().items()}
