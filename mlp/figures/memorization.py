"""Learning and memorization: the figures of Zhang et al. and of Arpit et al."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from mlp.figures.curves import draw_curves
from mlp.figures.style import COLOURS, MARKERS, panels, shades


def curves_figure(groups: Mapping[str, NDArray], label: str, scale: str = "linear") -> Figure:
    """Mean curves over seeds with bands, by epoch; see `draw_curves`. The scale of the y axis may be ``log``."""
    figure, (axes,) = panels(1)
    draw_curves(axes, groups, label)
    axes.set_yscale(scale)
    axes.legend()
    return figure


def draw_over_seeds(axes: Axes, x: Sequence[float], lines: Mapping[str, NDArray], **labels: str) -> None:
    """Draw means over seeds with bars from the lowest to the highest seed; `lines` maps names to (points, seeds)."""
    for colour, marker, (name, values) in zip(COLOURS, MARKERS, lines.items(), strict=False):
        measured = np.isfinite(values).any(axis=1)
        values, places = values[measured], np.asarray(x, dtype=float)[measured]
        mean = np.nanmean(values, axis=1)
        # Where all seeds agree, rounding may put the mean outside of their range.
        reach = np.maximum([mean - np.nanmin(values, axis=1), np.nanmax(values, axis=1) - mean], 0)
        axes.errorbar(places, mean, reach, color=colour, marker=marker, capsize=3, label=name)
    axes.set(**labels)


def zhang_figure1(
    costs: Mapping[str, NDArray], fractions: Sequence[float], slow_down: NDArray, errors: NDArray
) -> Figure:
    """Figure 1 of Zhang et al.: learning curves, time to fit, and test error.

    Parameters
    ----------
    costs : mapping of kind of training set to (seeds, steps)
    fractions : sequence of float
        Fractions of corrupted labels.
    slow_down : (fractions, seeds)
        Epochs to fit, relative to those with true labels.
    errors : (fractions, seeds)
        On the test images.
    """
    figure, (left, middle, right) = panels(3)
    draw_curves(left, costs, "cost on the training images")
    left.set_title("(a) learning curves")
    left.legend()
    corrupted = "fraction of corrupted labels"
    draw_over_seeds(middle, fractions, {"": slow_down}, xlabel=corrupted, ylabel="epochs to fit, relative")
    middle.set_title("(b) time to fit")
    draw_over_seeds(right, fractions, {"": errors}, xlabel=corrupted, ylabel="error on the test images")
    right.axhline(0.9, color="0.5", linestyle="--", label="chance")
    right.set(ylim=(0, 1), title="(c) test error")
    right.legend()
    return figure


def factor_by_error(found: Mapping[str, tuple[NDArray, NDArray]]) -> Figure:
    """How many times as long random labels take as true ones, against the test error with true labels.

    Parameters
    ----------
    found : mapping of data set to (factors, errors), each (seeds,)
    """
    figure, (axes,) = panels(1)
    for colour, marker, (name, (factors, errors)) in zip(COLOURS, MARKERS, found.items(), strict=False):
        fitted = np.isfinite(factors).any()
        axes.plot(errors, factors, marker, color=colour, label=name if fitted else f"{name}: not fitted")
    axes.axhspan(1.5, 3.5, color="0.5", alpha=0.15, linewidth=0, label="CIFAR-10 (Zhang et al.)")
    most = max(errors.max() for _, errors in found.values())
    axes.set(xlabel="test error with true labels", xlim=(0, most + 0.01))
    axes.set(ylabel="epochs to fit, random / true labels", ylim=(0, None))
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.legend(loc="lower left")
    return figure


def convergence(x: Sequence[float], epochs: Mapping[str, NDArray], label: str) -> Figure:
    """Epochs to a training accuracy of 1 against a size; `epochs` maps names to (sizes, seeds)."""
    figure, (axes,) = panels(1)
    draw_over_seeds(axes, x, epochs, xlabel=label, ylabel="epochs to fit", xscale="log", yscale="log")
    axes.set_xticks(list(x), [f"{value:,}" for value in x])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure


def curve_shapes(curves: Mapping[str, NDArray]) -> Figure:
    """Training accuracy against the share of the epochs, to compare the shapes of trainings of different length.

    Parameters
    ----------
    curves : mapping of name to (seeds, steps)
    """
    figure, (axes,) = panels(1)
    for colour, style, (name, values) in zip(COLOURS, ("-", "--", "-."), curves.items(), strict=False):
        progress = np.linspace(0, 1, values.shape[1])
        axes.fill_between(progress, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
        label = f"{name} labels, {values.shape[1] - 1} epochs"
        axes.plot(progress, values.mean(axis=0), style, color=colour, label=label)
    axes.plot([0, 1], [0.1, 1], color="0.5", linewidth=0.8, linestyle=":", label="a straight line")
    axes.set(xlabel="share of the epochs", ylabel="accuracy on the training labels", ylim=(0, 1.03))
    axes.legend()
    return figure


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
        for colour, style, (name, (epochs, costs)) in zip(COLOURS, ("-", "--", "-."), drawn.items(), strict=False):
            x = epochs / epochs[-1] if axes is left else epochs
            axes.fill_between(x, costs.min(axis=0), costs.max(axis=0), color=colour, alpha=0.2, linewidth=0)
            axes.plot(x, costs.mean(axis=0), style, color=colour, label=name)
        axes.set(ylabel="cost on the training labels", ylim=(0, None))
        if drawn:
            axes.legend()
    left.set(xlabel="share of the epochs to 99 % right", title="on the way down")
    right.set(xlabel="epoch", title="the first epoch")
    return figure


def difficulty(shares: Mapping[str, NDArray]) -> Figure:
    """Share of networks that misclassify each image, in ascending order; `shares` maps names to (images,)."""
    figure, (axes,) = panels(1)
    for colour, style, (name, values) in zip(np.repeat(COLOURS, 2), ("-", ":") * 3, shares.items(), strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, style, color=colour, label=name)
    axes.set(xlabel="image, easiest first", ylabel="share of networks that misclassify it", ylim=(-0.03, 1.03))
    axes.legend()
    return figure


def critical(fractions: Sequence[float], ratios: NDArray, noise: NDArray) -> Figure:
    """Critical sample ratio against the fraction of corrupted labels, and for random images.

    Parameters
    ----------
    fractions : sequence of float
    ratios : (fractions, seeds)
        On real images.
    noise : (seeds,)
        On random images.
    """
    figure, (axes,) = panels(1)
    draw_over_seeds(axes, fractions, {"real images": ratios})
    axes.axhline(np.nanmean(noise), color=COLOURS[1], linestyle="--", label="random images")
    axes.set(xlabel="fraction of corrupted labels", ylabel="critical sample ratio", ylim=(0, None))
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
            steps, mean = np.arange(values.shape[1]), values.mean(axis=0)
            best = test[name].mean(axis=0).argmax()
            axes.fill_between(steps, values.min(axis=0), values.max(axis=0), fc=colours[name], alpha=0.2, linewidth=0)
            axes.plot(steps, mean, color=colours[name], label=name)
            axes.plot(best, mean[best], "o", color=colours[name])
        axes.set(xlabel="epoch", ylim=(-0.03, 1.03))
    left.set_ylabel("accuracy on the test images")
    right.set_ylabel("wrong training labels given back")
    left.legend(title="corrupted labels", loc="lower left", ncols=3, fontsize=8, title_fontsize=8)
    return figure


def forgetting(events: Mapping[str, NDArray]) -> Figure:
    """Share of the images by how often they were forgotten; `events` maps names of groups to (images,) counts."""
    figure, (axes,) = panels(1)
    most = max(int(counts.max()) for counts in events.values())
    width = 0.8 / len(events)
    for place, (colour, (name, counts)) in enumerate(zip(COLOURS, events.items(), strict=False)):
        shares = np.bincount(counts, minlength=most + 1) / counts.size
        axes.bar(np.arange(most + 1) + width * (place + 0.5) - 0.4, shares, width, color=colour, label=name)
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
    axes.set_xticks(list(widths), [f"{width}" for width in widths])
    axes.minorticks_off()
    axes.set_ylim(0, None)
    axes.legend(fontsize=8)
    return figure


def radii(values: Sequence[float], ratios: Mapping[str, NDArray]) -> Figure:
    """Critical sample ratio against the radius of the search, in grey levels; `ratios` maps names to (radii,)."""
    figure, (axes,) = panels(1)
    for colour, marker, (name, ratio) in zip(COLOURS, MARKERS, ratios.items(), strict=False):
        style = "--" if "training" in name else "-"
        axes.plot(values, ratio, style, color=colour, marker=marker, label=name)
    axes.set(xlabel="radius, grey levels", ylabel="critical sample ratio", xscale="log", ylim=(-0.03, 1.03))
    axes.set_xticks(list(values), [f"{value:g}" for value in values])
    axes.minorticks_off()
    figure.legend(loc="outside upper center", ncols=2)
    return figure
