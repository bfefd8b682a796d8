"""The components of a gradient by their size."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import DASHES, line_figure


def component_sizes(gradients: Mapping[str, NDArray]) -> Figure:
    """Absolute values of the components of gradients, largest first.

    Parameters
    ----------
    gradients : mapping of name to (d,)
    """
    sizes = {name: np.sort(np.abs(gradient))[::-1] for name, gradient in gradients.items()}
    lines = {name: (np.arange(1, len(size) + 1), np.where(size > 0, size, np.nan)) for name, size in sizes.items()}
    largest = max(size[0] for size in sizes.values())
    labels = {"xlabel": "component, largest first", "ylabel": "absolute value"}
    limits = (1e-6 * largest, 2 * largest)
    return line_figure(lines, {"linestyle": DASHES}, xscale="log", yscale="log", ylim=limits, **labels)
