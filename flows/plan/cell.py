"""A cell of an experiment's grid: its name, its params, its key, its share of the work."""

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mlp.data.sets import SIDE
from mlp.nn.descent import MINI_BATCHES

if TYPE_CHECKING:
    from flows.plan.experiment import Experiment, NetworkSettings

# Part of every cell key: raise it when a change of the method changes results, so that old runs do not count as done.
# 2: keys hold what differs from the defaults, so that a new setting with a default leaves them as they are.
METHOD = 2
# Training images on which the curves are measured between the first and the last epoch, if nothing else is asked for.
CURVE_ROWS = 10_000
DIGITS = 1_438  # training images of scikit-learn's digits


def written(value: Any) -> str:
    """A param as text in a name: 0.9, 3, relu."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def short(flips: str | tuple) -> str:
    """Pairs of labels as they are, and a matrix by its hash."""
    return flips if isinstance(flips, str) else f"matrix-{hashlib.sha256(repr(flips).encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Cell:
    """One network, to be trained once: a point of an experiment's grid.

    Attributes
    ----------
    experiment : Experiment
        With the values of this cell: it has no `grid`.
    varied : tuple of str
        The params in which the cells of the whole experiment differ; its name contains them.
    channels, loaded : int
        Of the images, 3 in colour, and the number of training images: known once the data set was loaded.
    """

    experiment: "Experiment"
    network: "NetworkSettings"
    rows: int | None
    inputs: str
    fraction: float
    seed: int
    varied: tuple[str, ...] = ()
    channels: int = 1
    loaded: int | None = None

    @property
    def shape(self) -> tuple:
        """What cells must share to be trained as one stack: their arrays, mini-batches and measurements."""
        experiment, network, descent = self.experiment, self.network, self.experiment.descent
        return (
            (network.hidden, network.activation, network.cost),
            (experiment.data, self.chosen_rows, self.inputs, experiment.noise),
            *(getattr(descent, name) for name in MINI_BATCHES),
            (experiment.order, experiment.evaluation_rows, experiment.stop_accuracy),
        )

    @property
    def chosen_rows(self) -> tuple:
        """What cells with the same data settings must share to be trained on the same rows."""
        return (self.rows, self.seed) if self.experiment.data.choice == "seed" else (self.rows,)

    @property
    def block(self) -> tuple:
        """What cells must also share to be neighbours in a stack: see `mlp.engine.blocks`."""
        return self.experiment.descent.rule, self.experiment.descent.momentum > 0

    @property
    def images(self) -> int:
        """Number of training images; the largest possible one until the data set was loaded."""
        if self.loaded is not None:
            return self.loaded
        everything = DIGITS if self.experiment.data.name == "digits" else 60_000
        return min(self.rows or everything, everything)

    @property
    def evaluation_rows(self) -> int | None:
        """Training images that are measured between the first and the last epoch; None for all."""
        if self.experiment.stop_accuracy is not None:
            return None
        rows = self.experiment.evaluation_rows or CURVE_ROWS
        return rows if rows < self.images else None

    @property
    def weights(self) -> int:
        """Number of weights of the network."""
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, with ten outputs."""
        return self.channels * self.side**2, *self.network.hidden, 10

    @property
    def side(self) -> int:
        """Side of the images; MNIST's until the data set was loaded, if none is given."""
        return self.experiment.data.side or SIDE

    @property
    def name(self) -> str:
        """For example ``seed=3 shuffle=0.50 learning_rate=0.5``, with every param in which the cells differ."""
        parts = [f"seed={self.seed}", f"{self.experiment.corruption.labels}={self.fraction:.2f}"]
        params = self.params() if self.varied else {}
        return " ".join(parts + [f"{name}={written(params[name])}" for name in self.varied if name != "corruption"])

    def params(self) -> dict[str, Any]:
        """Flat parameters, by which runs are grouped."""
        experiment = self.experiment
        return {
            "seed": self.seed,
            "corruption": experiment.corruption.labels,
            "fraction": f"{self.fraction:.12g}",
            "corruption_seed": "seed" if experiment.corruption.seed is None else experiment.corruption.seed,
            "flips": short(experiment.corruption.flips) if experiment.corruption.labels == "flip" else "none",
            "inputs": self.inputs,
            "data": experiment.data.name,
            "split": experiment.data.split,
            "rows": self.rows or "all",
            "test_rows": experiment.data.test_rows or "all",
            "choice": experiment.data.choice,
            "side": self.side,
            "preprocess": experiment.data.preprocess,
            "hidden": "-".join(map(str, self.network.hidden)) or "none",
            **self.network.model_dump(exclude={"hidden"}),
            **experiment.descent.model_dump(),
            "order": experiment.order,
            "evaluation_rows": self.evaluation_rows or "all",
            "stop_accuracy": experiment.stop_accuracy or "none",
            "noise_count": experiment.noise.count,
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
            "flips": experiment.corruption.flips if self.fraction and experiment.corruption.labels == "flip" else {},
            "inputs": self.inputs if self.inputs != "true" else {},
            **experiment.model_dump(include={"order", "evaluation_rows", "stop_accuracy"}, exclude_defaults=True),
        }
        decisive = {name: value for name, value in decisive.items() if value != {}}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
