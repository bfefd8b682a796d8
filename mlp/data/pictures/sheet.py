"""A sheet of paper on a darker table."""

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

RESOLUTION = 128  # pixels of the longer side on which outlines are judged
SMALLEST = 0.05  # share of the picture
NARROWEST = 0.4  # shorter side by longer side
RECTANGULAR = 0.87  # share of the smallest rectangle around it that it fills
WRITTEN = 0.4  # largest share of it that is ink


def cut_to_sheet(grey: NDArray) -> NDArray | None:
    """Cut a picture (rows, columns) to the light rectangle in it, at whatever angle; None if there is none."""
    step = -(-max(grey.shape) // RESOLUTION)
    coarse = grey[::step, ::step]
    light = regionprops(label(coarse > threshold_otsu(coarse)))
    sheet = max(light, key=lambda part: part.area, default=None)
    if sheet is None or sheet.area < SMALLEST * coarse.size:
        return None
    hull = np.argwhere(sheet.image_convex)
    if sheet.area < (1 - WRITTEN) * len(hull) or not is_rectangle(hull):
        return None
    top, left, bottom, right = (step * edge for edge in sheet.bbox)
    return grey[top:bottom, left:right]


def is_rectangle(pixels: NDArray) -> bool:
    """Whether the pixels of a convex region, (n, 2) rows and columns, fill a rectangle that is not too narrow."""
    angles = np.deg2rad(np.arange(90))
    across = np.ptp(pixels @ [np.cos(angles), np.sin(angles)], axis=0) + 1
    along = np.ptp(pixels @ [-np.sin(angles), np.cos(angles)], axis=0) + 1
    best = (across * along).argmin()
    shorter, longer = sorted((across[best], along[best]))
    return bool(len(pixels) > RECTANGULAR * shorter * longer and shorter > NARROWEST * longer)
