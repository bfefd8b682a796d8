"""Images with the answers of networks: test images and noise."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mlp.data.image_shape import pixel_grid
from mlp.figures.style import COLOURS, image_grid, panels


def answer_gallery(images: NDArray, answers: NDArray, titles: Sequence[str]) -> Figure:
    """Images above bar charts of their output activations.

    Parameters
    ----------
    images : (n, pixels)
        uint8, or floats in [0, 1].
    answers : (n, outputs)
        Activations in [0, 1].
    titles : (n,)
        Of the images.
    """
    figure, (panels_above, bars) = image_grid(2, len(images), size=1.35)
    for panel, image, title in zip(panels_above, images, titles, strict=True):
        panel.imshow(pixel_grid(image), cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
        panel.set_title(title, fontsize="small")
    digits = np.arange(answers.shape[1])
    for bar, answer in zip(bars, answers, strict=True):
        winner = answer.argmax()
        bar.bar(digits, answer, color=[COLOURS[1] if digit == winner else COLOURS[0] for digit in digits])
        bar.set(ylim=(0, 1), xticks=digits, xlabel=f"{winner}: {answer[winner]:.2f}")
        bar.tick_params(labelsize="xx-small")
    bars[0].set_yticks([0, 0.5, 1])
    bars[0].set_ylabel("activation")
    return figure


def image_gallery(images: NDArray, titles: Sequence[str], columns: int = 8) -> Figure:
    """Images in rows.

    Parameters
    ----------
    images : (n, pixels) floats in [0, 1]
    titles : (n,)
        Of the images.
    columns : int
        Images in a row, at most.
    """
    columns = min(columns, len(images))
    figure, rows = image_grid(-(-len(images) // columns), columns, size=1.35)
    for panel in rows.flat[len(images) :]:
        panel.remove()
    for panel, image, title in zip(rows.flat, images, titles, strict=False):
        panel.imshow(pixel_grid(image), cmap="gray", vmin=0, vmax=1)
        panel.set_title(title, fontsize="small")
    return figure


def favourite_digits(favourites: Mapping[str, NDArray], classes: int = 10) -> Figure:
    """Number of networks that have each digit as their most frequent answer to each kind of noise.

    Parameters
    ----------
    favourites : mapping of kind of noise to (networks,) digits
    classes : int
    """
    figure, (axes,) = panels(1)
    width = 0.8 / len(favourites)
    for i, (colour, (kind, digits)) in enumerate(zip(COLOURS, favourites.items(), strict=False)):
        counts = np.bincount(digits, minlength=classes)
        axes.bar(np.arange(classes) + (i - (len(favourites) - 1) / 2) * width, counts, width, color=colour, label=kind)
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
    for colour, (name, values) in zip(COLOURS, largest.items(), strict=False):
        axes.plot(np.sort(values), 1 - np.arange(len(values)) / len(values), color=colour, label=name)
    for colour, (name, values) in zip(COLOURS[len(largest) :], marks.items(), strict=False):
        axes.plot(values, np.full(len(values), 0.02), "v", color=colour, label=f"{name}, by each network")
    axes.set(xlabel="activation", ylabel="share of images with a larger one", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.06))
    return figure
