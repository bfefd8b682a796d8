"""Correlations beside those of the paper."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mlp.figures.style import COLOURS, name_ticks, panels
from mlp.statistics.intervals import Estimate


def correlations(widths: Sequence[int], measured: Estimate, paper: Mapping[int, float]) -> Figure:
    """Correlation of training and test loss against the network's width, measured here and in the paper.

    Parameters
    ----------
    widths : sequence of int
    measured : Estimate of (widths,)
    paper : mapping of width to correlation
    """
    figure, (axes,) = panels(1)
    low, high = measured.value - measured.low, measured.high - measured.value
    axes.errorbar(widths, measured.value, np.stack([low, high]), color=COLOURS[0], marker="o", capsize=3, label="here")
    axes.plot(list(paper), list(paper.values()), color=COLOURS[1], marker="s", linestyle="--", label="paper")
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set(xscale="log", xlabel="hidden neurons", ylabel="correlation of training and test loss")
    name_ticks(axes, widths)
    axes.legend()
    return figure
