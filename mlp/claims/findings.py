"""Trained networks as the claims see them, and the quantities that a claim measures on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mlp.data.randomness import generator
from mlp.data.sets import Dataset
from mlp.measures.memorization import epochs_to
from mlp.nn.descent import Descent
from mlp.nn.network import Network, Parameters
from mlp.statistics.intervals import Estimate, mean_interval


@dataclass(frozen=True)
class TrainedNetwork:
    """One trained network, with its training data and curves.

    Attributes
    ----------
    data : Dataset
        Training and test data, with the images corrupted as `inputs` says.
    train_labels : (rows,) int
        The labels that it was trained on.
    fraction : float
        Fraction of the labels that was corrupted.
    inputs : str
        ``true``, or how the training images were corrupted.
    curves : mapping of metric to (epochs + 1,)
        Value 0 is the untrained network; NaN, or no values, after the end of a training that stopped early.
    read_parameters : callable
        Returns the trained parameters; called at most once.
    """

    network: Network
    descent: Descent
    data: Dataset
    train_labels: NDArray
    seed: int
    fraction: float
    inputs: str
    curves: Mapping[str, NDArray]
    read_parameters: Callable[[], Parameters]

    @property
    def rows(self) -> int:
        """Number of training images."""
        return len(self.train_labels)

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
        """Values of a metric up to the end of the training, starting with the untrained network."""
        values = np.asarray(self.curves[metric], dtype=np.float64)
        return values[np.isfinite(values)]

    def final(self, metric: str) -> float:
        """The last value of a metric."""
        return float(self.curve(metric)[-1])


class Findings(NamedTuple):
    """What was measured for a claim.

    Attributes
    ----------
    quantities : dict
        By name: a value for each seed, an `Estimate`, or a single number.
    figures : dict
        By name.
    """

    quantities: dict[str, Any]
    figures: dict[str, Figure]


def select(networks: Sequence[TrainedNetwork], **attributes: Any) -> list[TrainedNetwork]:
    """The networks with these attributes: ``select(networks, fraction=1, rows=1000)``."""
    return [net for net in networks if all(getattr(net, name) == value for name, value in attributes.items())]


def values_of(networks: Sequence[TrainedNetwork], attribute: str) -> list[Any]:
    """The distinct values of an attribute, ascending."""
    return sorted({getattr(net, attribute) for net in networks})


def over_seeds(
    networks: Sequence[TrainedNetwork], measure: Callable[[TrainedNetwork], float], **attributes: Any
) -> NDArray:
    """Measure the selected network of each seed, (seeds,); NaN for a seed without one, because it diverged."""
    measured = {net.seed: measure(net) for net in select(networks, **attributes)}
    return np.array([measured.get(seed, np.nan) for seed in values_of(networks, "seed")])


def lowest_final(networks: Sequence[TrainedNetwork], metric: str) -> NDArray:
    """The lowest last value of a metric among the networks of each seed, (seeds,)."""
    seeds = values_of(networks, "seed")
    return np.array([min(net.final(metric) for net in select(networks, seed=seed)) for seed in seeds])


def final(metric: str) -> Callable[[TrainedNetwork], float]:
    """The last value of a metric, as a measure for `over_seeds`."""
    return lambda net: net.final(metric)


def epochs_to_fit(net: TrainedNetwork, accuracy: float = 1.0) -> float:
    """Epochs to a training accuracy; NaN if it was not reached."""
    return float(epochs_to(net.curve("train/accuracy"), accuracy))


def censored_epochs(net: TrainedNetwork, accuracy: float = 1.0) -> float:
    """Epochs to a training accuracy; all its epochs for a training that did not reach it."""
    fit = epochs_to_fit(net, accuracy)
    return fit if np.isfinite(fit) else len(net.curve("train/accuracy")) - 1.0


def curves_over_seeds(networks: Sequence[TrainedNetwork], metric: str, **attributes: Any) -> NDArray:
    """Curves of the selected networks, (seeds, steps); one that ended early keeps its last value."""
    curves = [net.curve(metric) for net in select(networks, **attributes)]
    steps = max(map(len, curves))
    return np.array([np.pad(curve, (0, steps - len(curve)), mode="edge") for curve in curves])


def estimate(quantity: ArrayLike | Estimate, scale: str = "linear") -> Estimate:
    """Mean and 95 % interval over seeds, on a scale of `mlp.statistics.intervals.mean_interval`.

    A single number has no interval, and an estimate is returned as it is.
    """
    if isinstance(quantity, Estimate):
        return quantity
    values = np.asarray(quantity, dtype=np.float64)
    return mean_interval(values, scale) if values.ndim else Estimate(values, np.array(np.nan), np.array(np.nan))


def holds(measured: Estimate, at_least: float | None, at_most: float | None) -> bool | None:
    """Whether a quantity lies in the range, up to rounding; None if that is undecided.

    True if its whole interval lies in it, False if none of it does, or if the value is not finite. A quantity without
    an interval is decided by its value.
    """
    low, high = -np.inf if at_least is None else at_least, np.inf if at_most is None else at_most
    slack = 1e-9 * max(abs(bound) for bound in (low, high, 1) if np.isfinite(bound))
    if not np.isfinite(measured.value):
        return False
    ends = [float(end if np.isfinite(end) else measured.value) for end in (measured.low, measured.high)]
    if low - slack <= ends[0] and ends[1] <= high + slack:
        return True
    return None if low - slack <= ends[1] and ends[0] <= high + slack else False


def rank_correlation(fractions: list[float], values: NDArray) -> NDArray:
    """Spearman's correlation of values (fractions, seeds) with the fraction, (seeds,); NaN for constant values."""
    return np.array([stats.spearmanr(fractions, v).statistic if np.ptp(v) > 0 else np.nan for v in values.T])
