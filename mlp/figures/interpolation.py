"""A solution that fits every label: the constructed network on its line."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import COLOURS, panels
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
