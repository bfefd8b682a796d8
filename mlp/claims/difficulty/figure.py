"""The difficulty of every image."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import COLOURS, line_figure


def difficulties(shares: Mapping[str, NDArray]) -> Figure:
    """Share of networks that misclassify each image, in ascending order; `shares` maps names to (images,).

    Each second line is what the line before it would be if all images were equally difficult.
    """
    lines = {name: (np.arange(1, len(values) + 1), values) for name, values in shares.items()}
    labels = {"xlabel": "image, easiest first", "ylabel": "share of networks that misclassify it"}
    return line_figure(lines, {"color": np.repeat(COLOURS, 2), "linestyle": ("-", ":")}, ylim=(-0.03, 1.03), **labels)
