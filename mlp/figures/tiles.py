"""Small pictures, one an array, for a web page to lay out."""

from io import BytesIO

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray


def weight_tile(image: NDArray, limit: float) -> bytes:
    """A picture of a neuron's weights as PNG, a pixel a weight; red is positive, blue negative, white nothing.

    Parameters
    ----------
    image : (rows, columns)
    limit : float
        The weight that is drawn in full red.
    """
    file = BytesIO()
    imsave(file, np.asarray(image), cmap="RdBu_r", vmin=-limit, vmax=limit, format="png")
    return file.getvalue()
