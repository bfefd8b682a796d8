"""The shape of learning curves."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import DASHES, draw_band, panels, styled


def cost_shapes(curves: Mapping[str, tuple[NDArray, NDArray]], first: Mapping[str, tuple[NDArray, NDArray]]) -> Figure:
    """Training costs down to an end, against the share of the epochs, and the first epoch alone.

    Parameters
    ----------
    curves : mapping of name to epochs (points,) and costs (seeds, points)
        To compare the shapes of trainings of different length; each is drawn from 0 to 1.
    first : mapping of name to epochs (points,) and costs (seeds, points)
        From the start of the first epoch.
    """
    figure, (left, right) = panels(2)
    for axes, drawn in ((left, curves), (right, first)):
        for (epochs, costs), style in styled(drawn, linestyle=DASHES):
            draw_band(axes, epochs / epochs[-1] if axes is left else epochs, costs, **style)
        axes.set(ylabel="cost on the training labels", ylim=(0, None))
        if drawn:
            axes.legend()
    left.set(xlabel="share of the epochs to 99 % right", title="on the way down")
    right.set(xlabel="epoch", title="the first epoch")
    return figure
