"""Pictures from files as the network wants them: digits the way that MNIST shows them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy.ndimage import center_of_mass

INK = 0.1  # of the darkest stroke; less is paper
MARGIN = 4 / 28  # MNIST fits a digit into 20 of its 28 pixels


def read_digit(path: Path, side: int = 28) -> NDArray:
    """Read a picture of a digit.

    Parameters
    ----------
    path : Path
        Any format that Pillow reads. A picture that has `side` x `side` pixels and a dark ground is taken as it is. Any
        other is treated as MNIST's were: light strokes on a dark ground, cut to the ink, fitted into the middle 20 of
        28 pixels and shifted until the centre of mass is in the middle.

    Returns
    -------
    (side * side,) floats in [0, 1]

    Raises
    ------
    ValueError
        If the file is no picture, or shows nothing.
    """
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(flat(picture).convert("L"), dtype=np.float32) / 255
    except (OSError, UnidentifiedImageError) as error:
        raise ValueError(f"image: {path} can't be read ({error}); allowed: a picture file") from None
    dark = np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])) < 0.5
    if dark and pixels.shape == (side, side):
        return pixels.ravel()
    if not dark:
        pixels = 1 - pixels
    pixels = pixels - pixels.min()
    if pixels.max() < INK:
        raise ValueError(f"image: {path} shows nothing; allowed: a digit, darker or lighter than its ground")
    return centred(cut_out(pixels / pixels.max()), side).ravel()


def flat(picture: Image.Image) -> Image.Image:
    """A picture without transparency, on white paper."""
    if "A" not in picture.getbands():
        return picture
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    return paper


def cut_out(pixels: NDArray) -> NDArray:
    """The smallest rectangle that holds all ink."""
    inked = pixels > INK
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def centred(ink: NDArray, side: int) -> NDArray:
    """Ink (rows, columns) scaled into the middle of a square, its centre of mass in the centre."""
    scale = (side - 2 * round(side * MARGIN)) / max(ink.shape)
    rows, columns = (max(1, round(length * scale)) for length in ink.shape)
    # A box averages all the pixels that become one; to enlarge, pixels between pixels are made up smoothly.
    resampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(ink).resize((columns, rows), resampling)).clip(0, 1)
    # MNIST's centres of mass lie on pixel 14 of 0 to 27.
    top, left = (
        int(np.clip(round(side / 2 - middle), 0, side - length))
        for middle, length in zip(center_of_mass(small), small.shape, strict=True)
    )
    square = np.zeros((side, side), dtype=np.float32)
    square[top : top + rows, left : left + columns] = small
    return square
