"""Claims of Belkin et al. 2019, "Reconciling modern machine-learning practice and the bias-variance trade-off"
(arXiv 1812.11118), and of Nakkiran et al. 2020, "Deep Double Descent" (arXiv 1912.02292).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks


class Peak(NamedTuple):
    """The largest rise of a curve above its lowest earlier value.

    Attributes
    ----------
    place
        Index of the peak; 0 for a curve that never rises.
    rise
        From the lowest value before.
    fall
        To the lowest value after; NaN without a peak.
    """

    place: int
    rise: float
    fall: float


def peak_of(curve: NDArray) -> Peak:
    """The peak of a curve (points,): of a double descent it is the end of the rise between the two descents."""
    rises = curve - np.minimum.accumulate(curve)
    place = int(rises.argmax())
    return Peak(place, float(rises[place]), float(curve[place] - curve[place:].min()) if place else np.nan)


def measure(nets: Networks) -> Findings:
    """Belkin's figure on MNIST: training and test error over the width of one hidden layer, without and with noise."""
    widths = nets.values("width")
    networks = {net.width: net.network for net in nets}
    numbers = np.array([networks[width].parameter_count for width in widths])
    equations = nets[0].rows * nets[0].network.sizes[-1]
    quantities: dict[str, Any] = {"equations": float(equations)}
    errors = {}
    names = {fraction: f"{fraction:.0%} random labels" for fraction in nets.values("fraction")}
    for fraction, label in names.items():
        test, train = (1 - nets.over("width", f"{kind}/accuracy", fraction=fraction) for kind in ("test", "train"))
        errors[f"{label}, test"], errors[f"{label}, training"] = test, train
        name = "noise" if fraction else "true"
        peaks = [peak_of(curve) for curve in test.T]
        place = peak_of(np.nanmean(test, axis=1)).place
        fitting = np.flatnonzero(np.nanmean(train, axis=1) <= 0.01)
        quantities |= {
            f"{name}_peak_width": float(widths[place]),
            f"{name}_peak_parameters": float(numbers[place] / equations),
            f"{name}_fits": float(widths[fitting[0]]) if fitting.size else np.nan,
            f"{name}_rise": np.array([peak.rise for peak in peaks]),
            f"{name}_fall": np.array([peak.fall for peak in peaks]),
            f"{name}_narrow": test[: place + 1].min(axis=0),
            f"{name}_widest": test[-1],
            f"{name}_gain": test[:-1].min(axis=0) - test[-1],
        }
    threshold = equations / (numbers[-1] / widths[-1])  # neurons with as many parameters as there are equations
    return Findings(quantities, {"double_descent": figures.double_descent(widths, errors, threshold)})
