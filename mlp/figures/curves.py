"""Curves over seeds, and final measures against the groups of a sweep."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import DASHES, MARKERS, draw_band, panels, shades, styled


def draw_curves(axes: Axes, groups: Mapping[str, NDArray], label: str) -> None:
    """Draw mean curves over seeds, with bands from the lowest to the highest seed.

    Parameters
    ----------
    groups : mapping of legend label to (seeds, steps) array
        Step 0 is the untrained network.
    label : str
        Label of the y axis.
    """
    for values, style in styled(groups, color=shades(len(groups))):
        draw_band(axes, np.arange(values.shape[1]), values, **style)
    axes.set(xlabel="epoch", ylabel=label)


def curves_figure(groups: Mapping[str, NDArray], label: str, scale: str = "linear") -> Figure:
    """Mean curves over seeds with bands, by epoch; see `draw_curves`. The scale of the y axis may be ``log``."""
    figure, (axes,) = panels(1)
    draw_curves(axes, groups, label)
    axes.set_yscale(scale)
    axes.legend()
    return figure


def draw_measures(axes: Axes, groups: Sequence[Any], measures: Mapping[str, NDArray], ylabel: str, xlabel: str) -> None:
    """Draw a line with error bars for each measure: mean and standard deviation over seeds, against the groups.

    Parameters
    ----------
    groups : (groups,)
        Their tick labels.
    measures : mapping of legend label to (groups, 2) array
        Mean and standard deviation; NaN where not defined.
    ylabel, xlabel : str
        Labels of the axes.
    """
    places = np.arange(len(groups))
    for values, style in styled(measures, marker=MARKERS):
        axes.errorbar(places, *values.T, capsize=3, **style)
    crowded = sum(len(str(group)) for group in groups) > 24
    axes.set_xticks(places, groups, rotation=90 if crowded else 0)
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
    figure, (upper, middle, lower) = panels(3, stacked=True)
    draw_curves(upper, cost, "cost on the training images")
    draw_curves(middle, accuracy, "accuracy on the test images")
    middle.set_ylim(-0.03, 1.03)
    upper.legend(title=xlabel, loc="upper left", bbox_to_anchor=(1, 1))
    draw_measures(lower, groups, measures, "accuracy, or confidence", xlabel)
    return figure


def curve_shapes(curves: Mapping[str, NDArray]) -> Figure:
    """Training accuracy against the share of the epochs, to compare the shapes of trainings of different length.

    Parameters
    ----------
    curves : mapping of name to (seeds, steps)
    """
    figure, (axes,) = panels(1)
    named = {f"{name} labels, {values.shape[1] - 1} epochs": values for name, values in curves.items()}
    for values, style in styled(named, linestyle=DASHES):
        draw_band(axes, np.linspace(0, 1, values.shape[1]), values, **style)
    axes.plot([0, 1], [0.1, 1], color="0.5", linewidth=0.8, linestyle=":", label="a straight line")
    axes.set(xlabel="share of the epochs", ylabel="accuracy on the training labels", ylim=(0, 1.03))
    axes.legend()
    return figure


def early_stopping(test: Mapping[str, NDArray], memorized: Mapping[str, NDArray]) -> Figure:
    """Test accuracy and share of wrong labels given back, by epoch; dots at the best epoch of the mean test accuracy.

    Parameters
    ----------
    test, memorized : mapping of fraction to (seeds, steps)
        Only fractions above 0 have wrong labels.
    """
    figure, (left, right) = panels(2)
    colours = dict(zip(test, shades(len(test)), strict=True))
    for axes, groups in ((left, test), (right, memorized)):
        for name, values in groups.items():
            draw_band(axes, np.arange(values.shape[1]), values, color=colours[name], label=name)
            best = test[name].mean(axis=0).argmax()
            axes.plot(best, values.mean(axis=0)[best], "o", color=colours[name])
        axes.set(xlabel="epoch", ylim=(-0.03, 1.03))
    left.set_ylabel("accuracy on the test images")
    right.set_ylabel("wrong training labels given back")
    left.legend(title="corrupted labels", loc="lower left", ncols=3, fontsize=8, title_fontsize=8)
    return figure
