"""Critical sample ratios against the fraction of wrong labels, and against the radius of the search."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import COLOURS, MARKERS, draw_over_seeds, line_figure, name_ticks, panels


def over_fractions(fractions: Sequence[float], ratios: NDArray, noise: NDArray) -> Figure:
    """Critical sample ratio against the fraction of corrupted labels, and for random images.

    Parameters
    ----------
    fractions : sequence of float
    ratios : (fractions, seeds)
        On real images.
    noise : (seeds,)
        On random images.
    """
    figure, (axes,) = panels(1)
    draw_over_seeds(axes, fractions, {"real images": ratios})
    axes.axhline(np.nanmean(noise), color=COLOURS[1], linestyle="--", label="random images")
    axes.set(xlabel="fraction of corrupted labels", ylabel="critical sample ratio", ylim=(0, None))
    axes.legend()
    return figure


def over_radii(radii: Sequence[float], ratios: Mapping[str, NDArray]) -> Figure:
    """Critical sample ratio against the radius of the search, in grey levels; `ratios` maps names to (radii,).

    Each second line, dashed, is that of the training images.
    """
    lines = {name: (radii, ratio) for name, ratio in ratios.items()}
    styles = {"marker": MARKERS, "linestyle": ("-", "--")}
    labels = {"xlabel": "radius, grey levels", "ylabel": "critical sample ratio"}
    figure = line_figure(lines, styles, xscale="log", ylim=(-0.03, 1.03), **labels)
    name_ticks(figure.axes[0], radii)
    figure.axes[0].legend().remove()
    figure.legend(loc="outside upper center", ncols=2)
    return figure
