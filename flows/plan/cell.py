"""A cell of an experiment's grid: its name, its params, its key, its share of the work."""

import hashlib
import json
from itertools import pairwise
from typing import Any

from flows.plan.settings import CURVE_ROWS, CommonSettings, NetworkSettings
from mlp.data.corruption import LABEL_CORRUPTIONS
from mlp.data.sets import SIDE
from mlp.nn.descent import MINI_BATCHES

# Part of every cell key: raise it when a change of the method changes results, so that old runs do not count as done.
# 2: keys hold what differs from the defaults, so that a new setting with a default leaves them as they are.
METHOD = 2
DECISIVE = {"seed", "network", "descent", "noise", "inputs", "order", "evaluation_rows", "stop_accuracy"}  # of a key
LABEL_PARAMETERS = [name for kind in LABEL_CORRUPTIONS.values() for name in kind.parameters]
DIGITS = 1_438  # training images of scikit-learn's digits


def written(value: Any) -> str:
    """A param as text in a name: 0.9, 3, relu."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def short(value: Any) -> str:
    """A parameter of a corruption as a param: a matrix by its hash."""
    if isinstance(value, tuple):
        return f"matrix-{hashlib.sha256(repr(value).encode()).hexdigest()[:8]}"
    return written(value)


class Cell(CommonSettings):
    """One network, to be trained once: a point of an experiment's grid.

    Attributes
    ----------
    varied : tuple of str
        The params in which the cells of the whole experiment differ; its name contains them.
    channels, loaded : int
        Channels of the images, 3 in colour, and the number of training images: known once the data set was loaded.
    """

    network: NetworkSettings = NetworkSettings()
    rows: int | None = None
    inputs: str = "true"
    fraction: float = 0.0
    seed: int
    varied: tuple[str, ...] = ()
    channels: int = 1
    loaded: int | None = None

    @property
    def shape(self) -> tuple:
        """Everything that cells must share to be trained as one stack: their arrays, mini-batches and measurements."""
        return (
            (self.network.hidden, self.network.activation, self.network.cost),
            (*self.data_source, self.noise),
            *(getattr(self.descent, name) for name in MINI_BATCHES),
            (self.order, self.evaluation_rows, self.stop_accuracy),
        )

    @property
    def chosen_rows(self) -> tuple:
        """Everything that cells with the same data settings must share to be trained on the same rows."""
        return (self.rows, self.seed) if self.data.choice == "seed" else (self.rows,)

    @property
    def data_source(self) -> tuple:
        """The settings that decide the data set of a cell."""
        return self.data, self.chosen_rows, self.inputs

    @property
    def block(self) -> tuple:
        """Everything that cells must also share to be neighbours in a stack: see `mlp.engine.blocks`."""
        return self.descent.rule, self.descent.momentum > 0

    @property
    def images(self) -> int:
        """Number of training images; the largest possible one until the data set was loaded."""
        if self.loaded is not None:
            return self.loaded
        everything = DIGITS if self.data.name == "digits" else 60_000
        return min(self.rows or everything, everything)

    @property
    def curve_rows(self) -> int | None:
        """Training images that are measured between the first and the last epoch; None for all."""
        if self.stop_accuracy is not None:
            return None
        rows = self.evaluation_rows or CURVE_ROWS
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
        return self.data.side or SIDE

    @property
    def name(self) -> str:
        """Name such as ``seed=3 shuffle=0.50 learning_rate=0.5``, with every param in which the cells differ."""
        parts = [f"seed={self.seed}", f"{self.corruption.labels}={self.fraction:.2f}"]
        params = self.params() if self.varied else {}
        return " ".join(parts + [f"{name}={written(params[name])}" for name in self.varied if name != "corruption"])

    def params(self) -> dict[str, Any]:
        """Flat parameters, by which runs are grouped."""
        data, corruption, own = self.data, self.corruption, self.corruption.parameters
        return {
            "seed": self.seed,
            "corruption": corruption.labels,
            "fraction": written(self.fraction),
            "corruption_seed": "seed" if corruption.seed is None else corruption.seed,
            **{name: short(own[name]) if name in own else "none" for name in LABEL_PARAMETERS},
            "inputs": self.inputs,
            "data": data.name,
            "split": data.split,
            "rows": self.rows or "all",
            "test_rows": data.test_rows or "all",
            "choice": data.choice,
            "side": self.side,
            "preprocess": data.preprocess,
            "hidden": "-".join(map(str, self.network.hidden)) or "none",
            **self.network.model_dump(exclude={"hidden"}),
            **self.descent.model_dump(),
            "order": self.order,
            "evaluation_rows": self.curve_rows or "all",
            "stop_accuracy": self.stop_accuracy or "none",
            "noise_count": self.noise.count,
            "noise_seed": self.noise.seed,
        }

    def key(self, digest: str) -> str:
        """Short hash of everything that decides the result: two cells with one key are the same work.

        Settings that have their default are left out. So a new setting with a default changes no key; a new default
        would, and a test pins all of them.

        Parameters
        ----------
        digest : str
            Digest of the data set, after its split and with the cell's number of rows.
        """
        decisive = {"method": METHOD, "digest": digest, **self.model_dump(include=DECISIVE, exclude_defaults=True)}
        if self.fraction:  # if no label is corrupted, the kind of corruption makes no difference
            kind, seed = self.corruption.labels, self.corruption.model_dump(include={"seed"}, exclude_defaults=True)
            decisive |= {"labels": {kind: self.fraction, **seed}, **self.corruption.parameters}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


# The params of a cell by the path of their setting, where they are not the last part of it.
PARAM_NAMES = {
    "data.name": "data",
    "corruption.labels": "corruption",
    "corruption.seed": "corruption_seed",
    "noise.count": "noise_count",
    "noise.seed": "noise_seed",
}
# A table of cells has these columns on the run of each cell, then the params (here with their defaults), then metrics.
RUN_COLUMNS = ("experiment", "sweep", "cell", "run_id", "name", "started", "seconds", "test_images")
PARAMS = {name: str(value) for name, value in Cell(seed=0).params().items()}
