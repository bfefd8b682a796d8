"""The settings of an experiment in sections, and those that its cells have in common."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from flows.plan.fields import SEED_LIMIT, Axis, Fraction, OneOf, Settings, parse_flips
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

# Training images on which the curves are measured between the first and the last epoch, if nothing else is asked for.
CURVE_ROWS = 10_000
MAX_ROWS = 10_000_000


class DataSettings(Settings):
    name: str = Field("mnist", pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")
    """mnist, fashion, kmnist, digits (part of scikit-learn, needs no network), auto (mnist, or digits where OpenML
    can't be reached), or the OpenML name of any set of square images, grey or in colour"""
    split: Annotated[str, OneOf(SPLITS)] = "canonical"
    """train on the first 60,000 images, or on a random choice that keeps the share of each digit"""
    rows: Annotated[Axis[Annotated[int, Field(ge=10, le=MAX_ROWS)] | None], Field(min_length=1)] = (None,)
    """how many training images to use (an axis of the grid); null: all"""
    choice: Annotated[str, OneOf(CHOICES)] = "first"
    """the first of them, equally many of every class, or another random sample for each seed"""
    test_rows: int | None = Field(None, ge=10, le=MAX_ROWS)
    """how many test images to use, from the first; null: all"""
    side: int | None = Field(None, ge=4, le=1024)
    """average the pixels of larger images to this side; null: 28, or their own side"""
    preprocess: Annotated[str, OneOf(PREPROCESSES)] = "none"
    """deskew makes slanted digits upright, before training and before every answer"""

    @model_validator(mode="after")
    def _is_not_enlarged(self) -> "DataSettings":
        # The side of other sets is known when they are loaded.
        if self.name in NAMES and self.side is not None and self.side > SIDE:
            raise ValueError(f"side: {self.side} given; allowed: 4 to {SIDE} for {self.name}, or null")
        return self


class NetworkSettings(Settings):
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(Network.sizes[1:-1], max_length=8)
    """neurons of each hidden layer"""
    activation: Annotated[str, OneOf(ACTIVATIONS)] = Network.activation
    """of the hidden layers"""
    cost: Annotated[str, OneOf(COSTS)] = Network.cost
    """sum of squares on sigmoid outputs, or cross-entropy on softmax outputs"""
    start: Annotated[str, OneOf(STARTS)] = Network.start
    """weights from N(0, 1/fan_in) and zero biases, or weights and biases from N(0, 1)"""


class DescentSettings(Settings):
    learning_rate: float = Field(Descent.learning_rate, gt=0, le=1000)
    """multiple of the negative gradient of the average cost"""
    batch_size: int = Field(Descent.batch_size, ge=1, le=100_000)
    """images per mini-batch"""
    epochs: int = Field(Descent.epochs, ge=1, le=100_000)
    """passes over the training images"""
    momentum: float = Field(Descent.momentum, ge=0, lt=1)
    """share of the last step added to the next"""
    rule: Annotated[str, OneOf(RULES)] = Descent.rule
    """how a gradient moves the weights; sgd without momentum is plain gradient descent"""
    weight_decay: float = Field(Descent.weight_decay, ge=0, le=1)
    """each step multiplies the weights by 1 - rate x weight decay"""
    dropout: float = Field(Descent.dropout, ge=0, lt=1)
    """share of the hidden activations dropped at random in every step"""
    schedule: Annotated[str, OneOf(SCHEDULES)] = Descent.schedule
    """how the rate changes by epoch"""
    decay: float = Field(Descent.decay, gt=0, le=1)
    """factor per epoch, for the exponential schedule"""
    center: bool = Descent.center
    """subtract the mean training image"""
    shift: int = Field(Descent.shift, ge=0, le=8)
    """random shifts of the training images, in pixels"""

    @model_validator(mode="after")
    def _rule_can_use_the_momentum(self) -> "DescentSettings":
        Descent(**self.model_dump())
        return self


class CorruptionSettings(Settings):
    labels: Annotated[str, OneOf(LABEL_CORRUPTIONS)] = "shuffle"
    """permute the chosen labels among themselves, draw each of them anew, flip them by the matrix of `flips`, or give
    wrong ones to the images of which a reference network is least sure"""
    flips: Annotated[str | tuple[tuple[float, ...], ...], BeforeValidator(parse_flips)] = "4-9"
    """for labels: flip. Pairs such as 4-9 (both ways), 7>1 (one way) with commas, or a matrix with the probability of
    each given label in the row of each true label"""
    fractions: Annotated[Axis[Fraction], Field(min_length=1)] = (0.0,)
    """fractions of the training labels to corrupt (an axis of the grid)"""
    inputs: Annotated[Axis[Annotated[str, OneOf(("true", *IMAGE_CORRUPTIONS))]], Field(min_length=1)] = ("true",)
    """what replaces the training images (an axis of the grid)"""
    seed: int | None = Field(None, ge=0, lt=SEED_LIMIT)
    """seed of the corrupted labels, for all cells; null: that of each cell"""

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings that this kind of corruption has."""
        return {name: getattr(self, name) for name in LABEL_CORRUPTIONS[self.labels].parameters}


class NoiseSettings(Settings):
    kinds: Axis[Annotated[str, OneOf(NOISES)]] = ("uniform", "gaussian")
    """kinds of noise images that the trained networks are tested on"""
    count: int = Field(1000, ge=10, le=100_000)
    """images per kind"""
    seed: int = Field(0, ge=0, lt=SEED_LIMIT)
    """seed of the noise images, which are the same for all cells"""


class CommonSettings(Settings):
    """Settings that all cells of an experiment have in common, unless its `grid` has several values of one."""

    data: DataSettings = DataSettings()
    descent: DescentSettings = DescentSettings()
    corruption: CorruptionSettings = CorruptionSettings()
    noise: NoiseSettings = NoiseSettings()
    order: Literal["experiment", "seed"] = "experiment"
    """mini-batches in one order for all cells, or in an order per seed"""
    evaluation_rows: int | None = Field(
        None,
        ge=10,
        le=MAX_ROWS,
        description="between the first and the last epoch, measure the training metrics on this many images only, the "
        f"first ones; null: on {CURVE_ROWS:,}, or on all with stop_accuracy. The first and the last epoch read all",
    )
    stop_accuracy: float | None = Field(None, gt=0, le=1)
    """stop a cell when its training accuracy reaches this; null: never"""

    @model_validator(mode="after")
    def _stops_by_all_images(self) -> "CommonSettings":
        if self.evaluation_rows is not None and self.stop_accuracy is not None:
            raise ValueError(
                f"evaluation_rows: {self.evaluation_rows} given with stop_accuracy; allowed: null, because some images "
                "can't say that all are fitted"
            )
        return self
