"""The cost as a landscape: descent paths, gradient components, slices, and minima over seeds."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mlp.figures.style import COLOURS, DASHES, MARKERS, line_figure, panels, shades, styled


def descent_on_curve(
    function: Callable[[NDArray], NDArray], paths: Mapping[str, NDArray], span: tuple[float, float]
) -> Figure:
    """Paths of gradient descent on a function C(w) of one number, and the lengths of their steps.

    Parameters
    ----------
    function : callable
        Vectorized.
    paths : mapping of name to (steps + 1, 1)
        From `mlp.descend`.
    span : (lowest w, highest w)
        Range to draw.
    """
    figure, (curve, steps) = panels(2)
    w = np.linspace(*span, 400)
    curve.plot(w, function(w), color="0.5")
    for path, style in styled(paths, marker=MARKERS):
        curve.plot(path, function(path), markersize=5, linewidth=0.8, **style)
        curve.plot(path[-1], function(path[-1]), markersize=11, **style | {"label": None})
        steps.plot(np.arange(1, len(path)), np.abs(np.diff(path[:, 0])), **style)
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
        From `mlp.descend`.
    reach : float
        Both axes are drawn from -reach to reach.
    """
    figure, (axes,) = panels(1)
    line = np.linspace(-reach, reach, 121)
    heights = function(*np.meshgrid(line, line))
    contours = axes.contourf(line, line, heights, levels=18, cmap="Greys", alpha=0.6)
    figure.colorbar(contours, ax=axes, label="C(x, y)")
    for path, style in styled(paths, marker=MARKERS):
        axes.plot(*path.T, markersize=4, **style)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    axes.legend()
    return figure


def importance(shares: Mapping[str, NDArray]) -> Figure:
    """Share of the gradient's squared norm against the share of its largest components that make it up.

    Parameters
    ----------
    shares : mapping of name to (d,)
        From `mlp.measures.landscape.cumulative_share`.
    """
    lines = {name: (np.arange(1, len(share) + 1) / len(share), share) for name, share in shares.items()}
    labels = {"xlabel": "share of the components, largest first", "ylabel": "share of the gradient's squared norm"}
    return line_figure(lines, {"linestyle": DASHES}, xlim=(0, 1), ylim=(0, 1.02), **labels)


def slices(positions: ArrayLike, costs: Mapping[str, NDArray], xlabel: str) -> Figure:
    """The cost along straight lines.

    Parameters
    ----------
    positions : (k,)
    costs : mapping of name to (k,)
        From `mlp.measures.landscape.slice_costs`. More than six lines get no legend.
    xlabel : str
        Meaning of the positions.
    """
    lines = {name: (positions, line) for name, line in costs.items()}
    figure = line_figure(lines, {"color": shades(len(costs))}, xlabel=xlabel, ylabel="cost", ylim=(0, None))
    if len(costs) > 6:
        figure.axes[0].legend().remove()
    return figure


def plane(positions: ArrayLike, costs: NDArray) -> Figure:
    """The cost over a plane through a minimum.

    Parameters
    ----------
    positions : (k,)
        Along both directions, relative to the norm of the weights.
    costs : (k, k)
        From `mlp.measures.landscape.slice_costs`.
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
