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


def draw_against_fraction(
    axes: Axes, fractions: Sequence[float], lines: Mapping[str, NDArray], label: str, kind: str
) -> None:
    """One line a measure against the share of spoiled labels: mean and standard deviation over seeds.

    Parameters
    ----------
    lines : mapping of label to (fractions, 2) array of mean and standard deviation; NaN where not defined
    kind : str
        How the labels were spoiled, for the axis.
    """
    for colour, marker, (name, values) in zip(COLOURS, "osD^vP", lines.items(), strict=False):
        axes.errorbar(fractions, values[:, 0], values[:, 1], color=colour, marker=marker, capsize=3, label=name)
    axes.set(xlabel=f"fraction of labels ({kind})", ylabel=label, ylim=(-0.03, 1.03))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))  # beside the lines, which leave no corner free


def story(
    cost: Mapping[str, NDArray],
    accuracy: Mapping[str, NDArray],
    fractions: Sequence[float],
    lines: Mapping[str, NDArray],
    kind: str,
) -> Figure:
    """A sweep at one glance: training cost and test accuracy by epoch, and what was learned or memorized."""
    figure, (left, middle, right) = canvas(3)
    draw_curves(left, cost, "cost on the training images")
    draw_curves(middle, accuracy, "accuracy on the test images")
    middle.set_ylim(-0.03, 1.03)
    left.legend(title="fraction")
    draw_against_fraction(right, fractions, lines, "accuracy, or confidence", kind)
    return figure
