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

BLACK, VISIBLE = 8, 32  # of 255: the ground of a picture that looks like MNIST's is darker, and its digit brighter
# In parts of the side: MNIST fits a digit into 20 of 28 pixels, with its centre of mass in the middle.
FITTED, OFF_SIZE, OFF_CENTRE = 20 / 28, 1.5 / 28, 1 / 28


def read_digit(path: Path, side: int = 28) -> NDArray:
    """Read a picture of one digit.

    Parameters
    ----------
    path : Path
        A file in any format that Pillow reads; of several frames the first is read. A picture of `side` x `side` pixels
        that is framed as MNIST's are is taken as it is. In any other the digit is found, fitted into the
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
    """Whether a picture is framed as MNIST's are: size, black ground, and the digit's size and centre of mass."""
    if grey.shape != (side, side) or not (inked := grey > VISIBLE).any():
        return False
    middles = [grey.sum(axis=axis) @ (np.arange(side) + 0.5) / grey.sum() for axis in (0, 1)]
    length = max(np.ptp(np.flatnonzero(inked.any(axis=axis))) + 1 for axis in (0, 1))
    edges = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    apart = max(abs(middle - side / 2) for middle in middles)
    return bool(np.median(edges) < BLACK and apart < OFF_CENTRE * side and abs(length / side - FITTED) < OFF_SIZE)
