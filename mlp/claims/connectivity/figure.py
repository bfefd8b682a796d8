"""The error on the way from one minimum to another."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mlp.figures.style import MARKERS, panels, styled


def paths(positions: ArrayLike, errors: Mapping[str, Mapping[str, NDArray]]) -> Figure:
    """The test error on paths between two minima, a panel for each kind of network.

    Parameters
    ----------
    positions : (k,)
        From one minimum, 0, to the other, 1.
    errors : mapping of network to mapping of path to (k,)
    """
    figure, axes = panels(len(errors))
    highest = max(float(line.max()) for lines in errors.values() for line in lines.values())
    for panel, (network, lines) in zip(axes, errors.items(), strict=True):
        for line, style in styled(lines, marker=MARKERS):
            panel.plot(positions, line, **style)
        panel.set(title=network, xlabel="position between the two minima", ylabel="error on the test images")
        panel.set_ylim(0, 1.05 * highest)
    axes[-1].legend()
    return figure
