"""What a claim is measured on, and what comes out of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mlp.data import Dataset
from mlp.descent import Descent
from mlp.network import Network, Parameters
from mlp.randomness import generator
from mlp.statistics import Estimate, mean_interval


@dataclass(frozen=True)
class Run:
    """One trained network: how it was made, and how its training went.

    Attributes
    ----------
    data : Dataset
        What it was trained and tested on, with its inputs spoiled where `inputs` says so.
    given : (rows,) int
        The labels that it was trained on.
    fraction : float
        Share of them that was spoiled.
    inputs : str
        ``true``, or what the training images were replaced with.
    curves : mapping of metric to (epochs + 1,)
        The untrained network first; NaN, or nothing, after the end of a training that ended early.
    read_parameters : function
        To the trained parameters, which are kept once they were read.
    """

    network: Network
    descent: Descent
    data: Dataset
    given: NDArray
    seed: int
    fraction: float
    inputs: str
    curves: Mapping[str, NDArray]
    read_parameters: Callable[[], Parameters]

    @property
    def rows(self) -> int:
        """Images that it was trained on."""
        return len(self.given)

    @property
    def width(self) -> int:
        """Neurons of the first hidden layer."""
        return self.network.sizes[1]

    @property
    def start(self) -> Parameters:
        """The untrained parameters."""
        return self.network.initialize(generator(self.seed, "start"))

    @cached_property
    def parameters(self) -> Parameters:
        """The trained parameters."""
        return self.read_parameters()

    def curve(self, metric: str) -> NDArray:
        """Values of a metric up to the end of the training, the untrained network first."""
        values = np.asarray(self.curves[metric], dtype=np.float64)
        return values[np.isfinite(values)]

    def final(self, metric: str) -> float:
        """The last value of a metric."""
        return float(self.curve(metric)[-1])


class Findings(NamedTuple):
    """What was measured of a claim.

    Attributes
    ----------
    quantities : dict
        By name, a value for each seed, an `Estimate`, or a single number.
    figures : dict
        By name, the pictures that go with them.
    """

    quantities: dict[str, Any]
    figures: dict[str, Figure]


def where(runs: Sequence[Run], **wanted: Any) -> list[Run]:
    """The networks whose attributes have the wanted values: ``where(runs, fraction=1, rows=1000)``."""
    return [run for run in runs if all(getattr(run, name) == value for name, value in wanted.items())]


def values_of(runs: Sequence[Run], attribute: str) -> list:
    """The different values of an attribute, ascending."""
    return sorted({getattr(run, attribute) for run in runs})


def over_seeds(runs: Sequence[Run], measure: Callable[[Run], float], **wanted: Any) -> NDArray:
    """A number for each seed, (seeds,), of the wanted networks; NaN for a seed that has none, as it diverged."""
    found = {run.seed: measure(run) for run in where(runs, **wanted)}
    return np.array([found.get(seed, np.nan) for seed in values_of(runs, "seed")])


def worst(runs: Sequence[Run], metric: str) -> NDArray:
    """The lowest last value of a metric among all networks of each seed, (seeds,)."""
    return np.array([min(run.final(metric) for run in where(runs, seed=seed)) for seed in values_of(runs, "seed")])


def final(metric: str) -> Callable[[Run], float]:
    """For `over_seeds`: the last value of a metric."""
    return lambda run: run.final(metric)


def curves(runs: Sequence[Run], metric: str, **wanted: Any) -> NDArray:
    """Curves of the wanted networks, (seeds, steps); one that ended early keeps its last value."""
    found = [run.curve(metric) for run in where(runs, **wanted)]
    steps = max(map(len, found))
    return np.array([np.pad(curve, (0, steps - len(curve)), mode="edge") for curve in found])


def estimate(quantity: ArrayLike | Estimate) -> Estimate:
    """Mean and 95 % interval over seeds; of a single number the number alone."""
    if isinstance(quantity, Estimate):
        return quantity
    values = np.asarray(quantity, dtype=np.float64)
    return mean_interval(values) if values.ndim else Estimate(values, np.array(np.nan), np.array(np.nan))


def lies_within(measured: Estimate, at_least: float | None, at_most: float | None) -> bool:
    """Whether the value, rounding aside, lies in the range; a value that is not finite does not."""
    low, high = -np.inf if at_least is None else at_least, np.inf if at_most is None else at_most
    slack = 1e-9 * max(abs(bound) for bound in (low, high, 1) if np.isfinite(bound))
    return bool(np.isfinite(measured.value) and low - slack <= measured.value <= high + slack)
