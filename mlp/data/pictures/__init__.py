"""Pictures from files as the network wants them: one digit the way that MNIST shows it.

A photograph or a scan is read in five steps, a module each:

- `container`: any file becomes grey pixels;
- `paper`: the brightness of the paper is estimated, and how much of it each pixel lacks (`sheet`: first the picture
  is cut to a sheet of paper on a darker table);
- `lines`: the lines of ruled paper are taken away;
- `digit`: the parts of the digit are chosen, or the picture is refused;
- `square`: the digit is scaled and centred as MNIST's are.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlp.data.pictures.container import read_grey
from mlp.data.pictures.refusal import Refusal

BLACK = 64  # of 255: the ground of a picture that looks like MNIST's is darker
VISIBLE = 32  # of 255: and its brightest pixel is brighter than the ground by this


def read_digit(path: Path, side: int = 28) -> NDArray:
    """Read a picture of one digit.

    Parameters
    ----------
    path : Path
        A file in any format that Pillow reads; of several frames the first is read. A picture of `side` x `side` pixels
        with something light on a dark ground is taken as it is. In any other the digit is found, fitted into the
        middle 20 of 28 pixels, light on dark, and shifted until its centre of mass is in the middle.
    side : int
        Rows and columns of the result.

    Returns
    -------
    (side * side,) floats in [0, 1]

    Raises
    ------
    ValueError
        If the file can't be read or holds no single digit; one line with the reason.
    """
    try:
        grey = read_grey(path)
        if not looks_like_mnist(grey, side):
            # scikit-image takes half a second to import.
            from mlp.data.pictures.digit import find_digit
            from mlp.data.pictures.square import as_mnist

            return as_mnist(find_digit(grey), side).ravel()
    except Refusal as refusal:
        reason = f"image: {path}: {refusal}"
        # Names of files may hold line breaks and control characters.
        raise ValueError("".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in reason)) from None
    return grey.ravel() / np.float32(255)


def looks_like_mnist(grey: NDArray, side: int) -> bool:
    """Whether a picture has the size of the data's images and a dark ground with something on it."""
    ground = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    return grey.shape == (side, side) and bool(ground < BLACK and grey.max() >= ground + VISIBLE)
