"""Trained networks as the claims see them, and the quantities that a claim measures on them."""

from collections.abc import Callable, Mapping
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
from mlp.nn.descent import Descent, scaled
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

    def answers(self, inputs: NDArray, parameters: Parameters | None = None) -> NDArray:
        """Output activations (n, outputs) with the trained parameters, or with others."""
        return self.network.answers(parameters or self.parameters, inputs)

    def cost(self, parameters: Parameters, rows: int | None = None) -> float:
        """Average cost on the first training images."""
        return self.network.average_cost(parameters, scaled(self.data.train_images[:rows]), self.train_labels[:rows])

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


class Networks(list[TrainedNetwork]):
    """The trained networks of an experiment."""

    def select(self, **attributes: Any) -> "Networks":
        """The networks with these attributes: ``nets.select(fraction=1, rows=1000)``."""
        return Networks(net for net in self if all(getattr(net, name) == value for name, value in attributes.items()))

    def values(self, attribute: str) -> list[Any]:
        """The distinct values of an attribute, ascending."""
        return sorted({getattr(net, attribute) for net in self})

    def each(self, measure: Callable[[TrainedNetwork], Any]) -> NDArray:
        """The measure of every network, (networks, ...)."""
        return np.array([measure(net) for net in self])

    def over_seeds(self, measure: str | Callable[[TrainedNetwork], float], **attributes: Any) -> NDArray:
        """Measure the selected network of each seed, (seeds,); NaN for a seed without one, because it diverged.

        Parameters
        ----------
        measure : str or callable
            A metric stands for its last value.
        """
        of = (lambda net: net.final(measure)) if isinstance(measure, str) else measure
        measured = {net.seed: of(net) for net in self.select(**attributes)}
        return np.array([measured.get(seed, np.nan) for seed in self.values("seed")])

    def over(self, attribute: str, measure: str | Callable[[TrainedNetwork], float], **attributes: Any) -> NDArray:
        """`over_seeds` for each value of an attribute, (values, seeds)."""
        return np.array(
            [self.over_seeds(measure, **{attribute: value}, **attributes) for value in self.values(attribute)]
        )

    def lowest(self, metric: str) -> NDArray:
        """The lowest last value of a metric among the networks of each seed, (seeds,)."""
        return np.array(
            [self.select(seed=seed).each(lambda net: net.final(metric)).min() for seed in self.values("seed")]
        )

    def curves(self, metric: str, **attributes: Any) -> NDArray:
        """Curves of the selected networks, (seeds, steps); one that ended early keeps its last value."""
        curves = [net.curve(metric) for net in self.select(**attributes)]
        steps = max(map(len, curves))
        return np.array([np.pad(curve, (0, steps - len(curve)), mode="edge") for curve in curves])


def epochs_to_fit(net: TrainedNetwork, accuracy: float = 1.0) -> float:
    """Epochs to a training accuracy; NaN if it was not reached."""
    return float(epochs_to(net.curve("train/accuracy"), accuracy))


def censored_epochs(net: TrainedNetwork, accuracy: float = 1.0) -> float:
    """Epochs to a training accuracy; all its epochs for a training that did not reach it."""
    fit = epochs_to_fit(net, accuracy)
    return fit if np.isfinite(fit) else len(net.curve("train/accuracy")) - 1.0


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
