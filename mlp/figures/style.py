"""The common style of all figures: colours, fonts, panels, lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import ArrayLike, NDArray

from mlp.measures.tiles import BLUE, ORANGE

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
WEIGHTS = LinearSegmentedColormap.from_list("weights", [BLUE, "white", ORANGE])  # negative to positive
MARKERS = "osD^vP"
DASHES = ("-", "--", "-.", ":")
T = TypeVar("T")


def shades(count: int) -> NDArray:
    """Colours for ordered groups, dark to light, all visible on white."""
    return matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, count))


def panels(count: int, *, stacked: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with a row of panels, or with a column of them that is narrow enough for MLflow's descriptions."""
    rows, columns, width = (count, 1, 4.9) if stacked else (1, count, 5.2)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width * columns, 3.8 * rows), layout="constrained")
        return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def image_grid(rows: int, columns: int, size: float) -> tuple[Figure, NDArray]:
    """A figure with a grid of small square panels, `size` inches each, without ticks."""
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(size * columns + 1.5, size * rows + 1), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    for panel in axes.flat:
        panel.set(xticks=[], yticks=[])
    return figure, axes


def styled(groups: Mapping[str, T], **styles: Sequence[Any] | NDArray) -> Iterator[tuple[T, dict[str, Any]]]:
    """Each group with the label, the colour and the other styles of its line; styles that are too few are repeated."""
    styles = {"color": COLOURS} | styles
    for place, (name, group) in enumerate(groups.items()):
        yield group, {"label": name} | {key: values[place % len(values)] for key, values in styles.items()}


def line_figure(
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]], styles: Mapping[str, Sequence[Any] | NDArray], **settings: Any
) -> Figure:
    """A panel with lines and a legend.

    Parameters
    ----------
    lines : mapping of name to x and y, (points,) each
    styles : mapping of property to its values
        Of the first, the second, … line; see `styled`.
    settings
        Of the axes, such as ``xlabel``.
    """
    figure, (axes,) = panels(1)
    for (x, y), style in styled(lines, **styles):
        axes.plot(x, y, **style)
    axes.set(**settings)
    axes.legend()
    return figure


def draw_band(axes: Axes, x: ArrayLike, values: NDArray, color: Any, **style: Any) -> None:
    """Draw the mean over seeds, with a band from the lowest to the highest; `values` is (seeds, points)."""
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)
    axes.plot(x, values.mean(axis=0), color=color, **style)


def draw_over_seeds(axes: Axes, x: Sequence[float], lines: Mapping[str, NDArray], **settings: Any) -> None:
    """Draw means over seeds with bars from the lowest to the highest seed; `lines` maps names to (points, seeds).

    A logarithmic axis has a tick at every x.
    """
    for values, style in styled(lines, marker=MARKERS):
        measured = np.isfinite(values).any(axis=1)
        values, places = values[measured], np.asarray(x, dtype=float)[measured]
        mean = np.nanmean(values, axis=1)
        # Where all seeds agree, rounding may put the mean outside of their range.
        reach = np.maximum([mean - np.nanmin(values, axis=1), np.nanmax(values, axis=1) - mean], 0)
        axes.errorbar(places, mean, reach, capsize=3, **style)
    axes.set(**settings)
    if settings.get("xscale") == "log":
        name_ticks(axes, x)


def name_ticks(axes: Axes, values: Iterable[float]) -> None:
    """Set a tick at each of the values of a logarithmic x axis, and no others."""
    axes.set_xticks(list(values), [f"{value:,}" for value in values])
    axes.minorticks_off()


def name_decades(axis: Axis) -> None:
    """Set ticks at 1, 2 and 5 of each decade of a logarithmic axis, written as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
