"""Norms of kernel solutions and their errors."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import MARKERS, line_figure, name_decades


def norms_and_errors(widths: Sequence[float], tables: Mapping[str, NDArray]) -> Figure:
    """Error on held-out images against the norm of the solution, by features and width of the kernel.

    Parameters
    ----------
    widths : sequence of float
        Widths of the kernel, in median distances.
    tables : mapping of the features' name to (2, widths)
        Norms and errors.
    """
    lines = {name: (norms, errors) for name, (norms, errors) in tables.items()}
    labels = {"xlabel": "norm of the solution (numbers: width of the kernel)", "ylabel": "error on held-out images"}
    limits = (0, 1.1 * max(errors.max() for _, errors in lines.values()))
    figure = line_figure(lines, {"marker": MARKERS, "linestyle": ":"}, xscale="log", ylim=limits, **labels)
    (axes,) = figure.axes
    for norms, errors in lines.values():
        for width, norm, error in zip(widths, norms, errors, strict=True):
            axes.annotate(f"{width:g}", (norm, error), (4, 4), textcoords="offset points", fontsize=8)
    axes.minorticks_off()
    name_decades(axes.xaxis)
    return figure
