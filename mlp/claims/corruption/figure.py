"""Figure 1 of Zhang et al., and random labels on several data sets."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.curves import draw_curves
from mlp.figures.style import MARKERS, draw_over_seeds, panels, styled


def figure1(costs: Mapping[str, NDArray], fractions: Sequence[float], slow_down: NDArray, errors: NDArray) -> Figure:
    """Figure 1 of Zhang et al.: learning curves, time to fit, and test error.

    Parameters
    ----------
    costs : mapping of kind of training set to (seeds, steps)
    fractions : sequence of float
        Fractions of corrupted labels.
    slow_down : (fractions, seeds)
        Epochs to fit, relative to those with true labels.
    errors : (fractions, seeds)
        On the test images.
    """
    figure, (left, middle, right) = panels(3)
    draw_curves(left, costs, "cost on the training images")
    left.set_title("(a) learning curves")
    left.legend()
    corrupted = "fraction of corrupted labels"
    draw_over_seeds(middle, fractions, {"": slow_down}, xlabel=corrupted, ylabel="epochs to fit, relative")
    middle.set_title("(b) time to fit")
    draw_over_seeds(right, fractions, {"": errors}, xlabel=corrupted, ylabel="error on the test images")
    right.axhline(0.9, color="0.5", linestyle="--", label="chance")
    right.set(ylim=(0, 1), title="(c) test error")
    right.legend()
    return figure


def factor_by_error(measured: Mapping[str, tuple[NDArray, NDArray]]) -> Figure:
    """Epochs to fit random labels, relative to true ones, against the test error with true labels.

    Parameters
    ----------
    measured : mapping of data set to (factors, errors), each (seeds,)
    """
    figure, (axes,) = panels(1)
    named = {
        name if np.isfinite(factors).any() else f"{name}: not fitted": (factors, errors)
        for name, (factors, errors) in measured.items()
    }
    for (factors, errors), style in styled(named, marker=MARKERS):
        axes.plot(errors, factors, linestyle="", **style)
    axes.axhspan(1.5, 3.5, color="0.5", alpha=0.15, linewidth=0, label="CIFAR-10 (Zhang et al.)")
    most = max(errors.max() for _, errors in measured.values())
    axes.set(xlabel="test error with true labels", xlim=(0, most + 0.01))
    axes.set(ylabel="epochs to fit, random / true labels", ylim=(0, None))
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.legend(loc="lower left")
    return figure
