"""What a user asks for: one experiment, validated, and the grid of cells that it expands to."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

# Part of every cell key: raise it when a change of the method changes results, so that old runs do not count as done.
METHOD = 1
MOST_CELLS = 10_000
SEED_LIMIT = 2**32


def spelled_out(given: Any) -> Any:
    """Seeds as a list of numbers: ``7``, ``"0-9"`` and ``"0,2,5-7"`` are short for one."""
    if not isinstance(given, str):
        return [given] if isinstance(given, int) else given
    seeds: list[int] = []
    for part in given.split(","):
        if not (match := re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)):
            raise ValueError("whole numbers and ranges like 0-9 or 0,2,5-7")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + MOST_CELLS:
            raise ValueError(f"ranges that go up, of at most {MOST_CELLS} seeds")
        seeds += range(first, last + 1)
    return seeds


def listed(given: Any) -> Any:
    """A single value as a list of one, and ``"0,0.5,1"`` as a list of three."""
    if isinstance(given, str):
        return given.split(",")
    return given if isinstance(given, list | tuple) else [given]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


class DataSettings(Settings):
    name: str = Field(
        "mnist",
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$",
        description="mnist, fashion, kmnist, digits (embedded, needs no network), auto (mnist, or digits where OpenML "
        "can't be reached), or the OpenML name of any set of 28x28 images",
    )
    split: Literal["canonical", "stratified"] = Field(
        "canonical",
        description="the first 60,000 images for training, or a random choice with each digit's share kept",
    )
    rows: Annotated[tuple[Annotated[int, Field(ge=10, le=10_000_000)] | None, ...], BeforeValidator(listed)] = Field(
        (None,), min_length=1, description="training images to use, the first so many (an axis of the grid); null: all"
    )
    test_rows: int | None = Field(None, ge=10, description="test images to use, the first so many; null: all")
    side: int = Field(28, ge=4, le=28, description="side of the images in pixels; below 28 they are averaged down")


class NetworkSettings(Settings):
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (16, 16), max_length=8, description="neurons of each hidden layer"
    )
    activation: Literal["sigmoid", "tanh", "relu"] = Field("sigmoid", description="of the hidden layers")
    cost: Literal["quadratic", "cross_entropy"] = Field(
        "quadratic", description="sum of squares on sigmoid outputs, or cross-entropy on softmax outputs"
    )
    start: Literal["fan_in", "normal"] = Field(
        "fan_in", description="weights from N(0, 1/fan_in) and no biases, or weights and biases from N(0, 1)"
    )


class DescentSettings(Settings):
    learning_rate: float = Field(1.5, gt=0, le=1000, description="multiple of the average cost's negative gradient")
    batch_size: int = Field(10, ge=1, le=100_000, description="images of a mini-batch")
    epochs: int = Field(30, ge=1, le=100_000, description="passes over the training images")
    momentum: float = Field(0.0, ge=0, lt=1, description="share of the last step that is taken again")
    schedule: Literal["constant", "exponential", "cosine"] = Field(
        "exponential", description="how the rate changes from epoch to epoch"
    )
    decay: float = Field(0.93, gt=0, le=1, description="factor an epoch, for the exponential schedule")
    center: bool = Field(False, description="subtract the mean training image")
    shift: int = Field(0, ge=0, le=8, description="random shifts of the training images, in pixels")


class CorruptionSettings(Settings):
    labels: Literal["shuffle", "redraw"] = Field(
        "shuffle", description="how labels are spoiled: permuted among themselves, or each drawn anew"
    )
    fractions: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1)], ...], BeforeValidator(listed), Field(min_length=1)
    ] = Field((0.0,), description="shares of the training labels to spoil (an axis of the grid)")
    inputs: Annotated[
        tuple[Literal["true", "shuffled_pixels", "random_pixels", "gaussian"], ...], BeforeValidator(listed)
    ] = Field(("true",), min_length=1, description="what the training images are replaced with (an axis of the grid)")


class NoiseSettings(Settings):
    kinds: Annotated[tuple[Literal["uniform", "gaussian", "shuffled", "constant"], ...], BeforeValidator(listed)] = (
        Field(("uniform", "gaussian"), description="noise images that the trained network is asked about")
    )
    count: int = Field(1000, ge=10, le=100_000, description="images of each kind")
    seed: int = Field(0, ge=0, lt=SEED_LIMIT, description="the noise's own seed, so that all cells see the same images")


class Experiment(Settings):
    """A data set, networks, a descent, corruptions, noise inputs and seeds: all that decides a sweep's result."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="of the MLflow experiment")
    description: str = Field("", max_length=2000, description="what it is for")
    data: DataSettings = DataSettings()
    networks: tuple[NetworkSettings, ...] = Field((NetworkSettings(),), min_length=1, description="an axis of the grid")
    descent: DescentSettings = DescentSettings()
    corruption: CorruptionSettings = CorruptionSettings()
    noise: NoiseSettings = NoiseSettings()
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=SEED_LIMIT)], ...], BeforeValidator(spelled_out), Field(min_length=1)
    ] = Field(tuple(range(3)), description="of the starts and the corruption: 0-9, or 0,2,5 (an axis of the grid)")
    order: Literal["experiment", "seed"] = Field(
        "experiment", description="mini-batches in one order for all cells, or in each seed's own"
    )
    evaluation_rows: int | None = Field(
        None, ge=10, description="measure the training metrics on the first so many images only; null: on all"
    )
    stop_accuracy: float | None = Field(
        None, gt=0, le=1, description="a cell ends when its training accuracy reaches this; null: never early"
    )

    @model_validator(mode="after")
    def _grid_is_sound(self) -> "Experiment":
        for path, axis in (
            ("networks", self.networks),
            ("data.rows", self.data.rows),
            ("corruption.inputs", self.corruption.inputs),
            ("corruption.fractions", self.corruption.fractions),
            ("seeds", self.seeds),
        ):
            if len(set(axis)) < len(axis):
                raise ValueError(f"{path}: a value given twice; allowed: every value once")
        if (count := sum(1 for _ in self.points())) > MOST_CELLS:
            raise ValueError(f"the grid has {count:,} cells; allowed: at most {MOST_CELLS:,}")
        return self

    def points(self) -> Iterator[tuple]:
        """The grid's points, those that can be trained together next to each other."""
        return product(self.networks, self.data.rows, self.corruption.inputs, self.corruption.fractions, self.seeds)

    def cells(self) -> list["Cell"]:
        """The grid, a cell a point."""
        return [Cell(self, *point) for point in self.points()]


@dataclass(frozen=True)
class Cell:
    """One network to be trained once: a point of an experiment's grid."""

    experiment: Experiment
    network: NetworkSettings
    rows: int | None
    inputs: str
    fraction: float
    seed: int

    @property
    def shape(self) -> tuple:
        """What cells must have in common to be trained as one stack."""
        return self.network, self.rows, self.inputs

    @property
    def work(self) -> int:
        """About how many multiplications its forward passes take: images x epochs x weights."""
        return self.images * self.experiment.descent.epochs * self.weights

    @property
    def images(self) -> int:
        """Training images, at the most."""
        return self.rows or 60_000

    @property
    def weights(self) -> int:
        """Weights of the network, of ten outputs."""
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
        """Flat parameters for grouping runs."""
        experiment = self.experiment
        return {
            "seed": self.seed,
            "corruption": experiment.corruption.labels,
            "fraction": f"{self.fraction:g}",
            "inputs": self.inputs,
            "data": experiment.data.name,
            "split": experiment.data.split,
            "rows": self.rows or "all",
            "side": experiment.data.side,
            "hidden": "-".join(map(str, self.network.hidden)) or "none",
            **self.network.model_dump(exclude={"hidden"}),
            **experiment.descent.model_dump(),
            "order": experiment.order,
            "noise_seed": experiment.noise.seed,
        }

    def key(self, digest: str) -> str:
        """Short hash of all that decides the result: two cells with one key are the same work.

        Parameters
        ----------
        digest : str
            Of the data set, after its split and with the cell's number of rows.
        """
        experiment = self.experiment
        decisive = {
            "method": METHOD,
            "digest": digest,
            "network": self.network.model_dump(),
            "descent": experiment.descent.model_dump(),
            # With nothing spoiled it makes no difference how it would have been.
            "labels": experiment.corruption.labels if self.fraction else None,
            "fraction": self.fraction,
            "inputs": self.inputs,
            "seed": self.seed,
            "order": experiment.order,
            "noise": experiment.noise.model_dump(),
            "evaluation_rows": experiment.evaluation_rows,
            "stop_accuracy": experiment.stop_accuracy,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
