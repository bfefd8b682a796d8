"""The weights of the first layer, as the pictures that its neurons look for."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.look import grid


def weight_gallery(rows: Mapping[str, NDArray], most: int = 16) -> Figure:
    """Weight images, a row of neurons a name; red is positive, blue negative, white nothing.

    Parameters
    ----------
    rows : mapping of name to (neurons, side, side)
        Such as ``untrained``, ``trained`` and ``change``. Each row has its own scale, for the training makes weights
        many times as large; one weight in a hundred lies beyond it.
    most : int
        Neurons that are shown.
    """
    columns = min(most, *(len(images) for images in rows.values()))
    figure, axes = grid(len(rows), columns, size=0.8)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        limit = float(np.quantile(np.abs(images), 0.99))
        for panel, image in zip(line, images, strict=False):
            shown = panel.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
        line[0].set_ylabel(name)
        figure.colorbar(shown, ax=line, aspect=6, label="weight", ticks=[-limit, 0, limit], format="{x:.2g}")
    for neuron, panel in enumerate(axes[0], start=1):
        panel.set_title(str(neuron), fontsize="small")
    figure.suptitle("What each neuron of the first layer weighs, pixel by pixel")
    return figure
