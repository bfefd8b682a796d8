"""The common style of all figures: colours, fonts, panels."""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

# White background, so that figures are readable on dark pages too; colours that colour-blind readers can tell apart.
STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 11,
    "legend.frameon": False,
    "figure.dpi": 110,
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito
MARKERS = "osD^vP"


def shades(count: int) -> NDArray:
    """Colours for ordered groups, dark to light, all visible on white."""
    return matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, count))


def panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with a row of panels."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2 * count, 3.8), layout="constrained")
        return figure, list(figure.subplots(1, count, squeeze=False)[0])


def image_grid(rows: int, columns: int, size: float) -> tuple[Figure, NDArray]:
    """A figure with a grid of small square panels, `size` inches each, without ticks."""
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(size * columns + 1.5, size * rows + 1), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    for panel in axes.flat:
        panel.set(xticks=[], yticks=[])
    return figure, axes
