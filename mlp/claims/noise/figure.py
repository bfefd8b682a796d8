"""Answers to noise: how large, and which digits."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mlp.figures.style import COLOURS, panels, styled


def favourite_digits(favourites: Mapping[str, NDArray], classes: int = 10) -> Figure:
    """Number of networks that have each digit as their most frequent answer to each kind of noise.

    Parameters
    ----------
    favourites : mapping of kind of noise to (networks,) digits
    classes : int
    """
    figure, (axes,) = panels(1)
    width = 0.8 / len(favourites)
    for i, (digits, style) in enumerate(styled(favourites)):
        counts = np.bincount(digits, minlength=classes)
        axes.bar(np.arange(classes) + (i - (len(favourites) - 1) / 2) * width, counts, width, **style)
    axes.set(xticks=range(classes), xlabel="digit", ylabel="networks that answer it most often")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(title="noise")
    return figure


def share_above(largest: Mapping[str, NDArray], marks: Mapping[str, NDArray]) -> Figure:
    """Share of images whose largest activation is above each level.

    Parameters
    ----------
    largest : mapping of kind of image to (images,)
        Largest activations, in [0, 1].
    marks : mapping of name to (networks,)
        Largest activations for a single image.
    """
    figure, (axes,) = panels(1)
    for values, style in styled(largest):
        axes.plot(np.sort(values), 1 - np.arange(len(values)) / len(values), **style)
    named = {f"{name}, by each network": values for name, values in marks.items()}
    for values, style in styled(named, color=COLOURS[len(largest) :]):
        axes.plot(values, np.full(len(values), 0.02), "v", **style)
    axes.set(xlabel="activation", ylabel="share of images with a larger one", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.06))
    return figure
