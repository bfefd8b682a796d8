"""The shape of an image in a row of pixels: square images, grey or of three colours, channel after channel."""

from math import isqrt

import numpy as np
from numpy.typing import NDArray

CHANNELS = (1, 3)  # grey; red, green and blue


def image_shape(pixels: int) -> tuple[int, int, int]:
    """Channels, rows and columns of images of so many pixels: 784 are 1 x 28 x 28, and 3072 are 3 x 32 x 32.

    No number allows both: three times a square is no square.

    Raises
    ------
    ValueError
        If there are no such images.
    """
    for channels in CHANNELS:
        side = isqrt(pixels // channels)
        if pixels > 0 and channels * side**2 == pixels:
            return channels, side, side
    raise ValueError(f"pixels: {pixels} given; allowed: those of square images of 1 or 3 channels, such as 784 or 3072")


def pixel_grid(image: NDArray) -> NDArray:
    """The pixels (pixels,) of an image as Matplotlib and Pillow draw it: (side, side), or (side, side, 3) in colour."""
    channels = image.reshape(image_shape(image.size))
    return channels[0] if len(channels) == 1 else np.moveaxis(channels, 0, -1)
