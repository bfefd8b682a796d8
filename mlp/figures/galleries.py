"""Rows of images: with the answers of networks, and the weights into the neurons of the first layer."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.data.image_shape import pixel_grid
from mlp.figures.style import COLOURS, WEIGHTS, image_grid


def answer_gallery(images: NDArray, answers: NDArray, titles: Sequence[str]) -> Figure:
    """Images above bar charts of their output activations.

    Parameters
    ----------
    images : (n, pixels)
        uint8, or floats in [0, 1].
    answers : (n, outputs)
        Activations in [0, 1].
    titles : (n,)
        Titles of the images.
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
        Titles of the images.
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


def weight_gallery(rows: Mapping[str, NDArray], most: int = 16) -> Figure:
    """Rows of weight images: orange is positive, blue negative, white zero.

    Parameters
    ----------
    rows : mapping of name to (neurons, side, side)
        For instance ``untrained``, ``trained`` and ``change``. Each row has its own scale, because training makes
        weights many times as large; the scale leaves out the largest 1 %.
    most : int
        Largest number of neurons to show.
    """
    columns = min(most, *(len(images) for images in rows.values()))
    figure, axes = image_grid(len(rows), columns, size=0.8)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        limit = float(np.quantile(np.abs(images), 0.99))
        for panel, image in zip(line, images, strict=False):
            shown = panel.imshow(image, cmap=WEIGHTS, vmin=-limit, vmax=limit)
        line[0].set_ylabel(name)
        figure.colorbar(shown, ax=line, aspect=6, label="weight", ticks=[-limit, 0, limit], format="{x:.2g}")
    for neuron, panel in enumerate(axes[0], start=1):
        panel.set_title(str(neuron), fontsize="small")
    figure.suptitle("Weights from each pixel into the neurons of the first layer")
    return figure
