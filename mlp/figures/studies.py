"""Figures of claims and studies: what decides a measure, what fitting and label noise cost, what a network draws."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures.style import COLOURS, WEIGHTS, draw_over_seeds, image_grid, name_decades, panels, styled


def level_effects(measures: Mapping[str, NDArray], factors: Mapping[str, Sequence[Any]]) -> Figure:
    """What decides a measure: a row for each level of each factor, with a dot for each network and the mean as a line.

    Parameters
    ----------
    measures : mapping of title to (networks,)
        From 0 to 1.
    factors : mapping of name to (networks,)
        The level of each network; None for one that is not shown in the rows of this factor.
    """
    figure, axes = panels(len(measures))
    jitter, place = np.random.default_rng(0), 0.0
    labels: dict[float, str] = {}
    for colour, (name, of_networks) in zip(COLOURS, factors.items(), strict=False):
        for level in sorted({level for level in of_networks if level is not None}):
            chosen = [number for number, other in enumerate(of_networks) if other == level]
            for panel, values in zip(axes, measures.values(), strict=True):
                heights = place + jitter.uniform(-0.3, 0.3, len(chosen))
                panel.scatter(values[chosen], heights, s=9, color=colour, alpha=0.4, linewidth=0)
                panel.vlines(np.nanmean(values[chosen]), place - 0.45, place + 0.45, color=colour, linewidth=3)
            labels[place] = f"{name} {level}"
            place -= 1
        place -= 0.6
    for panel, title in zip(axes, measures, strict=True):
        panel.set(title=title, xlim=(-0.03, 1.03), ylim=(place + 0.8, 0.8), yticks=[])
    axes[0].set_yticks(list(labels), list(labels.values()))
    figure.set_size_inches(4.2 * len(measures) + 1.2, 0.28 * len(labels) + 1.6)
    return figure


def label_noise(
    fractions: Sequence[float], accuracy: Mapping[str, Mapping[str, NDArray]], breaks: Mapping[str, NDArray]
) -> Figure:
    """Test accuracy over the fraction of corrupted labels, a panel for each kind, and where it breaks over the width.

    Parameters
    ----------
    fractions : sequence of float
    accuracy : mapping of kind to mapping of width to (fractions, seeds)
    breaks : mapping of kind to (widths, seeds)
        See `mlp.measures.memorization.break_point`.
    """
    figure, (*left, right) = panels(len(accuracy) + 1)
    for axes, (kind, lines) in zip(left, accuracy.items(), strict=True):
        draw_over_seeds(axes, fractions, lines, xlabel=f"fraction of labels, {kind}", ylabel="accuracy on test images")
        axes.set_ylim(0, 1.03)
        axes.legend(title="neurons", loc="lower left")
    widths = [int(width) for width in next(iter(accuracy.values()))]
    draw_over_seeds(right, widths, breaks, xlabel="neurons", ylabel="fraction where half is lost", xscale="log")
    right.legend()
    return figure


def drawings(start: NDArray, drawn: NDArray, examples: NDArray, titles: Sequence[str]) -> Figure:
    """What a network draws: where it began, what it changed, what it then takes for each digit, and a real digit.

    Parameters
    ----------
    start, drawn, examples : (digits, pixels) floats in [0, 1]
    titles : (digits,)
        Titles of the drawn images.
    """
    side = round(drawn.shape[1] ** 0.5)
    figure, rows = image_grid(4, len(drawn), size=1.1)
    change = drawn - start
    limit = float(np.abs(change).max())
    for row, images, label in zip(
        rows, (start, change, drawn, examples), ("start", "change", "drawn", "a real one"), strict=True
    ):
        signed = images is change
        for panel, image in zip(row, images.reshape(-1, side, side), strict=True):
            panel.imshow(image, cmap=WEIGHTS.reversed() if signed else "gray", vmin=-limit if signed else 0,
                         vmax=limit if signed else 1)  # fmt: skip
        row[0].set_ylabel(label)
    for panel, title in zip(rows[2], titles, strict=True):
        panel.set_title(title, fontsize="small")
    return figure


def convergence(x: Sequence[float], epochs: Mapping[str, NDArray], label: str) -> Figure:
    """Epochs to a training accuracy of 1 against a size; `epochs` maps names to (sizes, seeds)."""
    figure, (axes,) = panels(1)
    draw_over_seeds(axes, x, epochs, xlabel=label, ylabel="epochs to fit", xscale="log", yscale="log")
    name_decades(axes.yaxis)
    axes.legend()
    return figure


def forgetting(events: Mapping[str, NDArray]) -> Figure:
    """Share of the images by how often they were forgotten; `events` maps names of groups to (images,) counts."""
    figure, (axes,) = panels(1)
    most = max(int(counts.max()) for counts in events.values())
    width = 0.8 / len(events)
    for place, (counts, style) in enumerate(styled(events)):
        shares = np.bincount(counts, minlength=most + 1) / counts.size
        axes.bar(np.arange(most + 1) + width * (place + 0.5) - 0.4, shares, width, **style)
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
    axes.set_ylim(0, None)
    axes.legend(fontsize=8)
    return figure
