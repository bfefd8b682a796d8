"""The cost as a landscape: descent paths, gradient components, slices, and minima over seeds."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mlp.figures.style import COLOURS, MARKERS, panels, shades
from mlp.statistics.intervals import Estimate


def descent_on_curve(
    function: Callable[[NDArray], NDArray], paths: Mapping[str, NDArray], span: tuple[float, float]
) -> Figure:
    """Paths of gradient descent on a function C(w) of one number, and the lengths of their steps.

    Parameters
    ----------
    function : callable
        Vectorized.
    paths : mapping of name to (steps + 1, 1)
        Of `mlp.descend`.
    span : (lowest w, highest w)
        Range to draw.
    """
    figure, (curve, steps) = panels(2)
    w = np.linspace(*span, 400)
    curve.plot(w, function(w), color="0.5")
    for colour, marker, (name, path) in zip(COLOURS, MARKERS, paths.items(), strict=False):
        curve.plot(path, function(path), marker=marker, markersize=5, linewidth=0.8, color=colour, label=name)
        curve.plot(path[-1], function(path[-1]), marker=marker, markersize=11, color=colour)
        steps.plot(np.arange(1, len(path)), np.abs(np.diff(path[:, 0])), marker=marker, color=colour, label=name)
    curve.set(xlabel="w", ylabel="C(w)", title="paths of the descent")
    steps.set(xlabel="step", ylabel="length of the step", title="lengths of the steps")
    curve.legend()
    return figure


def descent_on_surface(
    function: Callable[[NDArray, NDArray], NDArray], paths: Mapping[str, NDArray], reach: float
) -> Figure:
    """Paths of gradient descent on a surface C(x, y), over its contours.

    Parameters
    ----------
    function : callable
        Vectorized.
    paths : mapping of name to (steps + 1, 2)
        Of `mlp.descend`.
    reach : float
        Both axes are drawn from -reach to reach.
    """
    figure, (axes,) = panels(1)
    line = np.linspace(-reach, reach, 121)
    heights = function(*np.meshgrid(line, line))
    contours = axes.contourf(line, line, heights, levels=18, cmap="Greys", alpha=0.6)
    figure.colorbar(contours, ax=axes, label="C(x, y)")
    for colour, marker, (name, path) in zip(COLOURS, MARKERS, paths.items(), strict=False):
        axes.plot(*path.T, marker=marker, markersize=4, color=colour, label=name)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    axes.legend()
    return figure


def importance(shares: Mapping[str, NDArray]) -> Figure:
    """Share of the gradient's squared norm against the share of its largest components that make it up.

    Parameters
    ----------
    shares : mapping of name to (d,)
        Of `mlp.measures.landscape.cumulative_share`.
    """
    figure, (axes,) = panels(1)
    for colour, style, (name, share) in zip(COLOURS, ("-", "--", "-.", ":", "-", "--"), shares.items(), strict=False):
        axes.plot(np.arange(1, len(share) + 1) / len(share), share, style, color=colour, label=name)
    axes.set(
        xlabel="share of the components, largest first", ylabel="share of the gradient's squared norm",
        xlim=(0, 1), ylim=(0, 1.02),
    )  # fmt: skip
    axes.legend()
    return figure


def component_sizes(gradients: Mapping[str, NDArray]) -> Figure:
    """Absolute values of the components of gradients, largest first.

    Parameters
    ----------
    gradients : mapping of name to (d,)
    """
    figure, (axes,) = panels(1)
    for colour, style, (name, gradient) in zip(COLOURS, ("-", "--", "-.", ":"), gradients.items(), strict=False):
        sizes = np.sort(np.abs(gradient))[::-1]
        axes.plot(np.arange(1, len(sizes) + 1), np.where(sizes > 0, sizes, np.nan), style, color=colour, label=name)
    largest = max(float(np.abs(gradient).max()) for gradient in gradients.values())
    axes.set(
        xscale="log", yscale="log", xlabel="component, largest first", ylabel="absolute value",
        ylim=(1e-6 * largest, 2 * largest),
    )  # fmt: skip
    axes.legend()
    return figure


def slices(positions: ArrayLike, costs: Mapping[str, NDArray], xlabel: str) -> Figure:
    """The cost along straight lines.

    Parameters
    ----------
    positions : (k,)
    costs : mapping of name to (k,)
        Of `mlp.measures.landscape.slice_costs`. More than six lines get no legend.
    xlabel : str
        Meaning of the positions.
    """
    figure, (axes,) = panels(1)
    for colour, (name, line) in zip(shades(len(costs)), costs.items(), strict=True):
        axes.plot(positions, line, color=colour, label=name)
    axes.set(xlabel=xlabel, ylabel="cost", ylim=(0, None))
    if len(costs) <= 6:
        axes.legend()
    return figure


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
        for colour, marker, (path, line) in zip(COLOURS, MARKERS, lines.items(), strict=False):
            panel.plot(positions, line, marker=marker, color=colour, label=path)
        panel.set(
            title=network, xlabel="position between the two minima", ylabel="error on the test images",
            ylim=(0, 1.05 * highest),
        )  # fmt: skip
    axes[-1].legend()
    return figure


def plane(positions: ArrayLike, costs: NDArray) -> Figure:
    """The cost over a plane through a minimum.

    Parameters
    ----------
    positions : (k,)
        Along both directions, relative to the norm of the weights.
    costs : (k, k)
        Of `mlp.measures.landscape.slice_costs`.
    """
    figure, (axes,) = panels(1)
    filled = axes.contourf(positions, positions, costs.T, levels=20, cmap="viridis_r")
    axes.contour(positions, positions, costs.T, levels=20, colors="white", linewidths=0.4)
    figure.colorbar(filled, ax=axes, label="cost")
    axes.plot(0, 0, "o", markersize=9, color=COLOURS[1], markeredgecolor="white", label="minimum")
    axes.set(xlabel="first direction, relative to the weights", ylabel="second direction", aspect="equal")
    axes.legend()
    return figure


def loss_histograms(losses: Mapping[str, NDArray]) -> Figure:
    """Histograms of the final losses of many seeds, one for each width of the network.

    Parameters
    ----------
    losses : mapping of name to (seeds,)
        NaN where a seed has no loss.
    """
    figure, (axes,) = panels(1)
    finite = {name: values[np.isfinite(values)] for name, values in losses.items()}
    bins = np.histogram_bin_edges(np.concatenate(list(finite.values())), bins=60).tolist()
    for colour, (name, values) in zip(shades(len(finite)), finite.items(), strict=True):
        label = f"{name}: {values.mean():.3f} ± {values.std(ddof=1):.4f}"
        axes.hist(values, bins, histtype="stepfilled", fc=(*colour[:3], 0.4), ec=colour, label=label)
    axes.set(xlabel="loss on the test images", ylabel="networks")
    axes.legend()
    return figure


def correlations(widths: Sequence[int], measured: Estimate, paper: Mapping[int, float]) -> Figure:
    """Correlation of training and test loss against the network's width, measured here and in the paper.

    Parameters
    ----------
    widths : sequence of int
    measured : Estimate of (widths,)
    paper : mapping of width to correlation
    """
    figure, (axes,) = panels(1)
    low, high = measured.value - measured.low, measured.high - measured.value
    axes.errorbar(widths, measured.value, np.stack([low, high]), color=COLOURS[0], marker="o", capsize=3, label="here")
    axes.plot(list(paper), list(paper.values()), color=COLOURS[1], marker="s", linestyle="--", label="paper")
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set(xscale="log", xlabel="hidden neurons", ylabel="correlation of training and test loss")
    axes.set_xticks(list(widths), [str(width) for width in widths])
    axes.minorticks_off()
    axes.legend()
    return figure
