"""Weights as small pictures, made without Matplotlib, whose import takes longer than they do."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageColor import getrgb

from mlp.measures.landscape import weight_images

MOST, IN_A_ROW, MARGIN, ZOOM = 16, 8, 1, 4  # neurons; weights around each of them; pixels for each weight
SHADES = 63  # odd, so that zero has a shade of its own; few, so that the files are small
ORANGE, BLUE = "#c65d00", "#1668c7"  # as on the page to draw in
STRENGTH = np.linspace(-1, 1, SHADES)[:, None]
PALETTE = (255 - np.abs(STRENGTH) * (255 - np.where(STRENGTH > 0, getrgb(ORANGE), getrgb(BLUE)))).astype(np.uint8)


def thumbnail(weights: NDArray) -> bytes:
    """The weights into the first neurons of a network as one PNG image.

    Parameters
    ----------
    weights : (pixels, neurons)

    Raises
    ------
    ValueError
        If the inputs do not form a square image of one or three channels.
    """
    images = weight_images(weights)[:MOST]
    limit = float(np.abs(images).max())
    framed = np.pad(images, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    rows = [np.concatenate(framed[i : i + IN_A_ROW], axis=1) for i in range(0, len(framed), IN_A_ROW)]
    rows[-1] = np.pad(rows[-1], ((0, 0), (0, rows[0].shape[1] - rows[-1].shape[1])))
    return weight_tile(np.concatenate(rows), limit, ZOOM)


def weight_tile(image: NDArray, limit: float, zoom: int = 1) -> bytes:
    """Weights as a PNG image: orange is positive, blue negative, white zero.

    Parameters
    ----------
    image : (rows, columns)
    limit : float
        The weight that is drawn in full orange; larger ones are drawn like it.
    zoom : int
        Pixels for each weight, in both directions.
    """
    shares = np.clip(np.asarray(image) / (limit or 1), -1, 1)
    picture = Image.fromarray(np.rint((1 + shares) * (SHADES // 2)).astype(np.uint8))
    picture.putpalette(PALETTE.tobytes())
    return png(picture.resize((zoom * picture.width, zoom * picture.height), Image.Resampling.NEAREST))


def image_tile(image: NDArray) -> bytes:
    """An image (rows, columns), or (rows, columns, 3) in colour, uint8, as a PNG image."""
    return png(Image.fromarray(np.ascontiguousarray(image)))


def png(picture: Image.Image) -> bytes:
    """The content of a PNG file."""
    file = BytesIO()
    picture.save(file, format="png", compress_level=3)  # a third of the time, for a fifth more bytes
    return file.getvalue()
