"""What networks answer to images of nothing."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mlp.figures.look import COLOURS, canvas, grid


def noise_gallery(images: NDArray, answers: NDArray, titles: Sequence[str]) -> Figure:
    """Images above bars of the output activations that a network answers them with.

    Parameters
    ----------
    images : (n, side * side)
    answers : (n, outputs) activations in [0, 1]
    titles : n names
    """
    side = round(images.shape[1] ** 0.5)
    figure, (pictures, bars) = grid(2, len(images), size=1.35)
    for picture, image, title in zip(pictures, images, titles, strict=True):
        picture.imshow(image.reshape(side, side), cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
        picture.set_title(title, fontsize="small")
    digits = np.arange(answers.shape[1])
    for bar, answer in zip(bars, answers, strict=True):
        winner = answer.argmax()
        bar.bar(digits, answer, color=[COLOURS[1] if digit == winner else COLOURS[0] for digit in digits])
        bar.set(ylim=(0, 1), xticks=digits, xlabel=f"{winner}: {answer[winner]:.2f}")
        bar.tick_params(labelsize="xx-small")
    bars[0].set_yticks([0, 0.5, 1])
    bars[0].set_ylabel("activation")
    return figure


def favourite_digits(favourites: Mapping[str, NDArray], classes: int = 10) -> Figure:
    """How many networks answer each kind of noise most often with each digit.

    Parameters
    ----------
    favourites : mapping of kind of noise to (networks,) digits
    """
    figure, (axes,) = canvas(1)
    width = 0.8 / len(favourites)
    for i, (colour, (kind, digits)) in enumerate(zip(COLOURS, favourites.items(), strict=False)):
        counts = np.bincount(digits, minlength=classes)
        axes.bar(np.arange(classes) + (i - (len(favourites) - 1) / 2) * width, counts, width, color=colour, label=kind)
    axes.set(xticks=range(classes), xlabel="digit", ylabel="networks whose favourite it is")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(title="noise")
    return figure
