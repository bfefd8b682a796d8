"""The lines of ruled and squared paper."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from skimage.morphology import closing, disk
from skimage.transform import hough_line, hough_line_peaks

TILT = np.deg2rad(5)  # the greatest
THICKNESS = 0.03  # of the picture's longer side: the greatest
GAP = 0.015  # of the longer side: what a line that is taken away may cut out of a stroke
# Shares of the picture's width:
DARK = 0.6  # a line is dark on this at least, its own pixels and those of strokes across it
FREE = 0.15  # a line crosses no stroke on this at least
END = 0.125  # a line begins and ends within this of the edges


def without_lines(mask: NDArray) -> NDArray:
    """Take away thin straight lines from edge to edge, level or upright, but not the strokes across them.

    Parameters
    ----------
    mask : (rows, columns) bool
        Pixels that are darker than paper.
    """
    kept = without_level_lines(without_level_lines(mask).T).T
    return kept | (mask & closing(kept, disk(round(GAP * max(mask.shape)))))


def without_level_lines(mask: NDArray) -> NDArray:
    rows, columns = mask.shape
    # Upright runs of dark pixels: on a line they are as short as the line is thick, on a stroke across it longer.
    runs, _ = label(mask, [[0, 1, 0]] * 3)
    lengths = np.bincount(runs.ravel())
    short = lengths <= THICKNESS * max(mask.shape)
    short[0] = False  # run 0 is the paper
    votes, tilts, offsets = hough_line(short[runs], np.pi / 2 + np.linspace(-TILT, TILT, 41))
    x, end = np.arange(columns), round(END * columns)
    ruled = np.zeros(len(lengths), bool)
    least = FREE * columns  # votes
    _, angles, distances = hough_line_peaks(votes, tilts, offsets, min_distance=3, min_angle=1, threshold=least)
    for angle, distance in zip(angles, distances, strict=True):
        y = np.rint((distance - x * np.cos(angle)) / np.sin(angle)).astype(int)
        met = np.where((y >= 0) & (y < rows), runs[y.clip(0, rows - 1), x], 0)
        dark = met > 0
        if dark.mean() >= DARK and min(dark[:end].mean(), dark[-end:].mean()) >= 0.5:
            line = met[short[met]]
            ruled[line[lengths[line] <= np.median(lengths[line]) + 2]] = True
    return mask & ~ruled[runs]
