"""Solutions that fit every label: the constructed network on its line, and norms of kernel solutions."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from mlp.figures.style import COLOURS, MARKERS, panels
from mlp.theory.interpolation import InterpolatingNetwork


def interpolation(network: InterpolatingNetwork, images: NDArray, labels: NDArray) -> Figure:
    """The output of a constructed network along its projection, through the labels of some images.

    Parameters
    ----------
    network : InterpolatingNetwork
    images : (n, d)
        Neighbours on the line.
    labels : (n,)
    """
    projected = images @ network.projection
    reach = 0.02 * np.ptp(projected)
    line = np.linspace(projected.min() - reach, projected.max() + reach, 2000)
    bends = network.thresholds[(network.thresholds > line[0]) & (network.thresholds < line[-1])]
    line = np.sort(np.concatenate([line, bends]))
    figure, (axes,) = panels(1)
    axes.plot(line, network.on_line(line), color=COLOURS[0], linewidth=1, label="network")
    axes.plot(projected, labels, "o", color=COLOURS[1], label="images")
    axes.plot(bends, np.full(bends.shape, -1.0), "|", color="0.4", label="thresholds")
    axes.set(xlabel="projection of the image", ylabel="label", ylim=(-1.5, 10.5))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    return figure


def norms_and_errors(widths: Sequence[float], tables: Mapping[str, NDArray]) -> Figure:
    """Error on held-out images against the norm of the solution, by features and width of the kernel.

    Parameters
    ----------
    widths : sequence of float
        Of the kernel, in median distances.
    tables : mapping of the features' name to (2, widths)
        Norms and errors.
    """
    figure, (axes,) = panels(1)
    for colour, marker, (name, (norms, errors)) in zip(COLOURS, MARKERS, tables.items(), strict=False):
        axes.plot(norms, errors, marker=marker, linestyle=":", color=colour, label=name)
        for width, norm, error in zip(widths, norms, errors, strict=True):
            axes.annotate(f"{width:g}", (norm, error), (4, 4), textcoords="offset points", fontsize=8)
    axes.set(
        xscale="log", xlabel="norm of the solution (numbers: width of the kernel)", ylabel="error on held-out images",
        ylim=(0, 1.1 * max(table[1].max() for table in tables.values())),
    )  # fmt: skip
    axes.minorticks_off()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure
