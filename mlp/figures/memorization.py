"""What is learned and what is memorized: the pictures of Zhang et al. and of Arpit et al."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from mlp.figures.curves import draw_curves
from mlp.figures.look import COLOURS, canvas

MARKERS = "osD^vP"


def curves_figure(groups: Mapping[str, NDArray], label: str) -> Figure:
    """Mean curves over seeds with their band, by epoch; see `draw_curves`."""
    figure, (axes,) = canvas(1)
    draw_curves(axes, groups, label)
    axes.legend()
    return figure


def draw_over_seeds(axes: Axes, x: Sequence[float], lines: Mapping[str, NDArray], **labels: str) -> None:
    """Lines with the mean over seeds and bars from the lowest to the highest seed; lines : name to (points, seeds)."""
    for colour, marker, (name, values) in zip(COLOURS, MARKERS, lines.items(), strict=False):
        some = np.isfinite(values).any(axis=1)
        kept, places = values[some], np.asarray(x, dtype=float)[some]
        mean = np.nanmean(kept, axis=1)
        # Where all seeds agree rounding may put the mean beyond them.
        reach = np.maximum([mean - np.nanmin(kept, axis=1), np.nanmax(kept, axis=1) - mean], 0)
        axes.errorbar(places, mean, reach, color=colour, marker=marker, capsize=3, label=name)
    axes.set(**labels)


def zhang(costs: Mapping[str, NDArray], fractions: Sequence[float], slow_down: NDArray, errors: NDArray) -> Figure:
    """Zhang et al.'s figure 1: learning curves, time to fit, and test error.

    Parameters
    ----------
    costs : mapping of kind of training set to (seeds, steps)
    fractions : p, the shares of spoiled labels
    slow_down : (fractions, seeds)
        Epochs to fit over those with true labels.
    errors : (fractions, seeds)
        On the test images.
    """
    figure, (left, middle, right) = canvas(3)
    draw_curves(left, costs, "cost on the training images")
    left.set_title("(a) learning curves")
    left.legend()
    spoiled = "share of labels drawn anew"
    draw_over_seeds(
        middle, fractions, {"": slow_down}, xlabel=spoiled, ylabel="epochs to fit, relative", title="(b) time to fit"
    )
    draw_over_seeds(right, fractions, {"": errors}, xlabel=spoiled, ylabel="error on the test images")
    right.axhline(0.9, color="0.5", linestyle="--", label="chance")
    right.set(ylim=(0, 1), title="(c) test error")
    right.legend()
    return figure


def convergence(x: Sequence[float], epochs: Mapping[str, NDArray], label: str) -> Figure:
    """Epochs until every training image is answered as labelled, against a size; epochs : name to (sizes, seeds)."""
    figure, (axes,) = canvas(1)
    draw_over_seeds(axes, x, epochs, xlabel=label, ylabel="epochs to fit", xscale="log", yscale="log")
    axes.set_xticks(list(x), [f"{value:,}" for value in x])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure


def shapes(curves: Mapping[str, NDArray]) -> Figure:
    """Accuracy by the share of the training that is over: who drops at once, and who creeps along a line.

    Parameters
    ----------
    curves : mapping of name to (seeds, steps)
    """
    figure, (axes,) = canvas(1)
    for colour, style, (name, values) in zip(COLOURS, ("-", "--", "-."), curves.items(), strict=False):
        over = np.linspace(0, 1, values.shape[1])
        axes.fill_between(over, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
        axes.plot(over, values.mean(axis=0), style, color=colour, label=f"{name} labels, {values.shape[1] - 1} epochs")
    axes.plot([0, 1], [0.1, 1], color="0.5", linewidth=0.8, linestyle=":", label="a straight line")
    axes.set(xlabel="share of the training that is over", ylabel="accuracy on the training labels", ylim=(0, 1.03))
    axes.legend()
    return figure


def difficulty(shares: Mapping[str, NDArray]) -> Figure:
    """Share of networks that get each image wrong, images in ascending order; shares : name to (images,)."""
    figure, (axes,) = canvas(1)
    for colour, style, (name, values) in zip(np.repeat(COLOURS, 2), ("-", ":") * 3, shares.items(), strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, style, color=colour, label=name)
    axes.set(xlabel="image, the easiest first", ylabel="networks that get it wrong", ylim=(-0.03, 1.03))
    axes.legend()
    return figure


def critical(fractions: Sequence[float], ratios: NDArray, noise: NDArray) -> Figure:
    """Critical sample ratio against the share of spoiled labels, and for random images.

    Parameters
    ----------
    ratios : (fractions, seeds)
    noise : (seeds,)
    """
    figure, (axes,) = canvas(1)
    draw_over_seeds(axes, fractions, {"real images": ratios})
    axes.axhline(np.nanmean(noise), color=COLOURS[1], linestyle="--", label="random images")
    axes.set(xlabel="share of labels drawn anew", ylabel="images with another answer close by", ylim=(0, None))
    axes.legend()
    return figure
