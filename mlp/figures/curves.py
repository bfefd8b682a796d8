"""Curves over seeds, and what was learned or memorized against the share of spoiled labels."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.look import COLOURS, canvas, shades


def draw_curves(axes: Axes, groups: Mapping[str, NDArray], label: str) -> None:
    """Mean curves over seeds, with a band from the lowest to the highest seed.

    Parameters
    ----------
    groups : mapping of label to (seeds, steps) array
        Step 0 is the untrained network.
    """
    for colour, (name, values) in zip(shades(len(groups)), groups.items(), strict=True):
        steps = np.arange(values.shape[1])
        axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
        axes.plot(steps, values.mean(axis=0), color=colour, label=name)
    axes.set(xlabel="epoch", ylabel=label)


def draw_measures(axes: Axes, groups: Sequence, measures: Mapping[str, NDArray], label: str, below: str) -> None:
    """One line a measure across the groups: mean and standard deviation over seeds.

    Parameters
    ----------
    groups : (groups,)
        What stands below each.
    measures : mapping of label to (groups, 2) array of mean and standard deviation; NaN where not defined
    label, below : str
        Of the axes.
    """
    places = np.arange(len(groups))
    for colour, marker, (name, values) in zip(COLOURS, "osD^vP", measures.items(), strict=False):
        axes.errorbar(places, values[:, 0], values[:, 1], color=colour, marker=marker, capsize=3, label=name)
    axes.set_xticks(places, groups)
    axes.set(xlabel=below, ylabel=label, ylim=(-0.03, 1.03))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))  # beside the lines, which leave no corner free


def story(
    cost: Mapping[str, NDArray],
    accuracy: Mapping[str, NDArray],
    groups: Sequence[str],
    measures: Mapping[str, NDArray],
    below: str,
) -> Figure:
    """A sweep at one glance: training cost and test accuracy by epoch, and what was learned or memorized.

    Parameters
    ----------
    cost, accuracy : mapping of group to (seeds, steps)
    groups, measures, below
        See `draw_measures`.
    """
    figure, (left, middle, right) = canvas(3)
    draw_curves(left, cost, "cost on the training images")
    draw_curves(middle, accuracy, "accuracy on the test images")
    middle.set_ylim(-0.03, 1.03)
    left.legend(title=below)
    draw_measures(right, groups, measures, "accuracy, or confidence", below)
    return figure
