"""A digit the way that MNIST shows it: its size, its place, the width of its strokes."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import center_of_mass, distance_transform_edt
from skimage.morphology import dilation, disk, erosion, skeletonize

MARGIN = 4 / 28  # MNIST fits a digit into 20 of its 28 pixels
INK = 0.1  # less is paper
# Mean width of the strokes, in parts of the digit's height or width, whichever is greater. Nine in ten digits of
# MNIST's test set lie between 0.08 and 0.18.
THIN, THICK = 0.09, 0.16


def as_mnist(ink: NDArray, side: int) -> NDArray:
    """Ink (rows, columns) from 0 to 1 as an image (side, side) from 0 to 1."""
    return centred(usual_strokes(cut_out(ink)), side)


def cut_out(ink: NDArray) -> NDArray:
    """The smallest rectangle that holds all ink."""
    inked = ink > INK
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def usual_strokes(ink: NDArray) -> NDArray:
    """Ink whose strokes are thickened or thinned to the widths that are common in MNIST."""
    length, width = max(ink.shape), stroke_width(ink > 0.5)
    if width < THIN * length:
        radius = round((THIN * length - width) / 2)
        return dilation(np.pad(ink, radius), disk(radius))
    if width > THICK * length:
        radius = round((width - THICK * length) / 2)
        return cut_out(erosion(np.pad(ink, radius), disk(radius)))
    return ink


def stroke_width(mask: NDArray) -> float:
    """The mean width of strokes (rows, columns) bool in pixels: twice the distance of their middle from paper."""
    mask = np.pad(mask, 1)
    return float(2 * distance_transform_edt(mask)[skeletonize(mask)].mean() - 1)


def centred(ink: NDArray, side: int) -> NDArray:
    """Ink (rows, columns) scaled into the middle of a square, its centre of mass in the centre."""
    scale = (side - 2 * round(side * MARGIN)) / max(ink.shape)
    rows, columns = (max(1, round(length * scale)) for length in ink.shape)
    # To shrink, average all pixels that become one; to enlarge, interpolate.
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
