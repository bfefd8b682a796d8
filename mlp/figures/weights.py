"""The weights into the neurons of the first layer, as images."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import WEIGHTS, image_grid


def weight_gallery(rows: Mapping[str, NDArray], most: int = 16) -> Figure:
    """Rows of weight images: orange is positive, blue negative, white zero.

    Parameters
    ----------
    rows : mapping of name to (neurons, side, side)
        For instance ``untrained``, ``trained`` and ``change``. Each row has its own scale, because training makes
        weights many times as large; the scale leaves out the largest 1 %.
    most : int
        Largest number of neurons to show.
    """
    columns = min(most, *(len(images) for images in rows.values()))
    figure, axes = image_grid(len(rows), columns, size=0.8)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        limit = float(np.quantile(np.abs(images), 0.99))
        for panel, image in zip(line, images, strict=False):
            shown = panel.imshow(image, cmap=WEIGHTS, vmin=-limit, vmax=limit)
        line[0].set_ylabel(name)
        figure.colorbar(shown, ax=line, aspect=6, label="weight", ticks=[-limit, 0, limit], format="{x:.2g}")
    for neuron, panel in enumerate(axes[0], start=1):
        panel.set_title(str(neuron), fontsize="small")
    figure.suptitle("Weights from each pixel into the neurons of the first layer")
    return figure
