"""Fitting and memorizing against the size of a network or of its training set, and forgotten images."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import draw_over_seeds, name_decades, panels, styled


def convergence(x: Sequence[float], epochs: Mapping[str, NDArray], label: str) -> Figure:
    """Epochs to a training accuracy of 1 against a size; `epochs` maps names to (sizes, seeds)."""
    figure, (axes,) = panels(1)
    draw_over_seeds(axes, x, epochs, xlabel=label, ylabel="epochs to fit", xscale="log", yscale="log")
    name_decades(axes.yaxis)
    axes.legend()
    return figure


def forgetting(events: Mapping[str, NDArray]) -> Figure:
    """Share of the images by how often they were forgotten; `events` maps names of groups to (images,) counts."""
    figure, (axes,) = panels(1)
    most = max(int(counts.max()) for counts in events.values())
    width = 0.8 / len(events)
    for place, (counts, style) in enumerate(styled(events)):
        shares = np.bincount(counts, minlength=most + 1) / counts.size
        axes.bar(np.arange(most + 1) + width * (place + 0.5) - 0.4, shares, width, **style)
    axes.set(xlabel="times forgotten", ylabel="share of the images", yscale="log", ylim=(None, 1.5))
    axes.legend()
    return figure


def double_descent(widths: Sequence[int], errors: Mapping[str, NDArray], threshold: float) -> Figure:
    """Errors against the width of a network; `errors` maps names to (widths, seeds).

    Parameters
    ----------
    threshold : float
        The width at which the network has as many parameters as there are equations.
    """
    figure, (axes,) = panels(1)
    draw_over_seeds(axes, widths, errors, xlabel="hidden neurons", ylabel="error", xscale="log")
    axes.axvline(threshold, color="0.5", linestyle=":", label="parameters = images x classes")
    axes.set_ylim(0, None)
    axes.legend(fontsize=8)
    return figure
