"""The one digit of a picture: its ink, or why there is no single digit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt, minimum
from skimage.filters import apply_hysteresis_threshold, threshold_otsu
from skimage.measure import label, regionprops
from skimage.morphology import dilation, disk, skeletonize
from skimage.segmentation import clear_border

from mlp.data.pictures.lines import without_lines
from mlp.data.pictures.paper import darkness
from mlp.data.pictures.refusal import Refusal
from mlp.data.pictures.sheet import cut_to_sheet

SIDES = (280, 640)  # pixels of the longer side between which pictures are searched
NARROWEST = 8  # pixels of the shorter side then
CONTRAST = 0.06  # the least share of the paper's brightness that ink takes away
NOISE = 6  # standard deviations of the paper's noise that ink stands out at least
ROUND = 0.6  # share of the square around it that a speck covers at least
# In parts of the picture's longer side:
SPECK = 0.012  # the side of the square that a part of the ink covers at least
DOT = 0.1  # the largest speck
SMALL = 0.04  # the smallest digit
# In parts of the digit's height or width, whichever is greater:
NEAR = 0.05  # the widest gap within a stroke
DETACHED = 0.2  # the widest gap between a digit and a stroke of it, such as the bar of a 5
THICK = 0.6  # the thickest stroke; in MNIST 0.44
LONG = 4.5  # the greatest length of all strokes together; in MNIST 3.1
WIDE = 1.9  # in parts of the height alone: the greatest width; in MNIST 1.8
# In parts of the digit's height: what is as tall is another digit
BESIDE, ABOVE = 0.5, 0.6
# In parts of the digit's ink:
LITTLE = 0.05  # less is a speck
OTHER = 1.0  # the most ink that is not the digit's
BLURRED = 0.8  # the most pixels that are neither ink nor paper, on the digit and AROUND it; clouds have more
AROUND = 0.12  # of the digit's height or width


class Several(Refusal):
    """A picture shows more than one digit."""


def find_digit(grey: NDArray) -> NDArray:
    """Find the ink of the one digit.

    Parameters
    ----------
    grey : (rows, columns)
        Brightness from 0 to 255; dark ink on light paper or light ink on a dark ground.

    Returns
    -------
    (rows, columns) ink from 0 to 1, on as many pixels as the search uses; what is not the digit is 0

    Raises
    ------
    Refusal
        If there is no digit or more than one.
    """
    level = light_paper(resized(grey))
    refusals = []
    for cut_closely in (False, True) if free_edges(level) else (False,):
        dark, noise = darkness(level, cut_closely)
        for mask in masks(dark, NOISE * noise):
            try:
                return ink(dark, choose(mask if cut_closely else clear_border(mask)), NOISE * noise)
            except Refusal as refusal:
                refusals.append(refusal)
        if isinstance(refusals[0], Several):
            break
    raise refusals[0]


def resized(grey: NDArray) -> NDArray:
    """The picture with a longer side within `SIDES`."""
    longer = max(grey.shape)
    scale = np.clip(longer, *SIDES) / longer
    rows, columns = (round(length * scale) for length in grey.shape)
    if min(rows, columns) < NARROWEST:
        raise Refusal(f"is {grey.shape[1]} pixels wide and {grey.shape[0]} high", "a picture that is not so narrow")
    if scale == 1:
        return grey
    resampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(grey).resize((columns, rows), resampling)).clip(0, 255)


def light_paper(grey: NDArray) -> NDArray:
    """The picture with dark ink on light paper: as it is, cut to a sheet on a dark table, or as its negative."""
    if np.median(grey) >= np.percentile(grey, [0.1, 99.9]).mean():
        return grey
    sheet = cut_to_sheet(grey)
    return 255 - grey if sheet is None else resized(sheet)


def free_edges(level: NDArray) -> bool:
    """Whether no side of the picture is dark to the half, as it is where a frame or the table shows."""
    middle = np.percentile(level, [1, 90]).mean()
    return all(np.mean(side < middle) < 0.5 for side in (level[0], level[-1], level[:, 0], level[:, -1]))


def masks(dark: NDArray, least: float) -> Iterator[NDArray]:
    """What is ink by Otsu's threshold, together with its fainter parts; then all that stands out from the noise."""
    least = max(CONTRAST, least)
    threshold = max(threshold_otsu(dark), least)
    for low, high in ((max(least, threshold / 2), threshold), (least, least)):
        # Lines go first: of a line fainter than `high` only the ends beside the digit would be left.
        yield apply_hysteresis_threshold(dark * without_lines(dark > low), low, high)


def choose(mask: NDArray) -> NDArray:
    """The digit's pixels among all pixels of ink, (rows, columns) bool."""
    labels = label(mask, connectivity=2)
    longer = max(mask.shape)
    regions = regionprops(labels)
    if not regions:
        raise Refusal("shows nothing, or nothing but what reaches the edge")
    parts = {region.label: region for region in regions if not is_speck(region, longer)}
    if not parts:
        raise Refusal("has too little ink")
    digit, gaps = grown(labels, parts)
    first, left, height, width = box(digit)
    if max(height, width) < SMALL * longer:
        raise Refusal("has too little ink")
    for number, part in parts.items():
        if gaps[number] == 0 or part.area < LITTLE * digit.sum():
            continue
        top, start, bottom, stop = part.bbox
        overlap = min(left + width, stop) - max(left, start)
        beside = overlap < min(width, stop - start) / 2
        if bottom - top >= (BESIDE if beside else ABOVE) * height:
            raise Several("shows several digits")
        # A stroke below the digit is an underline.
        if gaps[number] <= DETACHED * max(height, width) and top < first + height:
            digit = digit | (labels == number)
    if sum(part.area for part in parts.values()) > (1 + OTHER) * digit.sum():
        raise Several("shows more than a digit")
    _, _, height, width = box(digit)
    length = max(height, width)
    if 2 * distance_transform_edt(digit).max() > THICK * length or skeletonize(digit).sum() > LONG * length:
        raise Refusal("has too much ink")
    if width > WIDE * height:
        raise Refusal("shows something too wide for a digit")
    return digit


def is_speck(region: Any, longer: int) -> bool:
    """Whether a region is too small for a stroke, or small and round."""
    length = max(region.image.shape)
    return region.area < (SPECK * longer) ** 2 or (length < DOT * longer and region.area > ROUND * length**2)


def grown(labels: NDArray, parts: dict[int, Any]) -> tuple[NDArray, dict[int, float]]:
    """The longest part with all that is near it, and the distance of each part from these."""
    digit = labels == max(parts, key=lambda number: max(parts[number].image.shape))
    while True:
        gaps = dict(zip(parts, minimum(distance_transform_edt(~digit), labels, list(parts)), strict=True))
        near = [number for number, gap in gaps.items() if 0 < gap <= NEAR * max(box(digit)[2:])]
        if not near:
            return digit, gaps
        digit |= np.isin(labels, near)


def box(mask: NDArray) -> tuple[int, int, int, int]:
    """The rectangle around all that is set: its first row and column, its height and width."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left


def ink(dark: NDArray, digit: NDArray, least: float) -> NDArray:
    """The digit's ink with its soft edges, 1 where it is as dark as the darker quarter of the digit."""
    full = np.percentile(dark[digit], 75)
    near = distance_transform_edt(~digit) <= AROUND * max(box(digit)[2:])
    between = near & (dark > full / 4) & (dark < full * 3 / 4)
    if between.sum() > BLURRED * digit.sum():
        raise Refusal("shows nothing with clear edges")
    edge = dilation(digit, disk(2)) & (dark > max(least, full / 5))
    return np.where(digit | edge, np.minimum(dark / full, 1), 0).astype(np.float32)
