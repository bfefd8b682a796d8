"""Curves over seeds, and final measures against the groups of a sweep."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import COLOURS, MARKERS, panels, shades


def draw_curves(axes: Axes, groups: Mapping[str, NDArray], label: str) -> None:
    """Draw mean curves over seeds, with bands from the lowest to the highest seed.

    Parameters
    ----------
    groups : mapping of legend label to (seeds, steps) array
        Step 0 is the untrained network.
    label : str
        Of the y axis.
    """
    for colour, (name, values) in zip(shades(len(groups)), groups.items(), strict=True):
        steps = np.arange(values.shape[1])
        axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
        axes.plot(steps, values.mean(axis=0), color=colour, label=name)
    axes.set(xlabel="epoch", ylabel=label)


def draw_measures(axes: Axes, groups: Sequence[Any], measures: Mapping[str, NDArray], ylabel: str, xlabel: str) -> None:
    """Draw a line with error bars for each measure: mean and standard deviation over seeds, against the groups.

    Parameters
    ----------
    groups : (groups,)
        Their tick labels.
    measures : mapping of legend label to (groups, 2) array
        Mean and standard deviation; NaN where not defined.
    ylabel, xlabel : str
        Of the axes.
    """
    places = np.arange(len(groups))
    for colour, marker, (name, values) in zip(COLOURS, MARKERS, measures.items(), strict=False):
        axes.errorbar(places, values[:, 0], values[:, 1], color=colour, marker=marker, capsize=3, label=name)
    axes.set_xticks(places, groups)
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(-0.03, 1.03))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))  # outside, because the lines leave no corner free


def overview(
    cost: Mapping[str, NDArray],
    accuracy: Mapping[str, NDArray],
    groups: Sequence[str],
    measures: Mapping[str, NDArray],
    xlabel: str,
) -> Figure:
    """Overview of a sweep: training cost and test accuracy by epoch, and final measures by group.

    Parameters
    ----------
    cost, accuracy : mapping of group to (seeds, steps)
    groups, measures, xlabel
        See `draw_measures`.
    """
    figure, (left, middle, right) = panels(3)
    draw_curves(left, cost, "cost on the training images")
    draw_curves(middle, accuracy, "accuracy on the test images")
    middle.set_ylim(-0.03, 1.03)
    left.legend(title=xlabel)
    draw_measures(right, groups, measures, "accuracy, or confidence", xlabel)
    return figure
