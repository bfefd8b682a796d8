"""Any picture file as grey pixels."""

import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mlp.data.pictures.refusal import Refusal

DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of more than 8 bits
# What Pillow's readers raise on damaged files, beside OSError.
DAMAGED = (ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, TypeError, AttributeError, RuntimeError,
           MemoryError, struct.error)  # fmt: skip


def read_grey(path: Path) -> NDArray:
    """Read the first frame of a picture, upright, without colour and transparency.

    Returns
    -------
    (rows, columns) float32, 0 (black) to 255 (white)

    Raises
    ------
    Refusal
        If the file can't be read, or has more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return grey(ImageOps.exif_transpose(picture))
    except Refusal:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Refusal("has too many pixels", f"up to {Image.MAX_IMAGE_PIXELS or 0:,}") from None
    except UnidentifiedImageError:
        reason = "not a known picture format"
    except OSError as error:
        reason = error.strerror or str(error)
    except DAMAGED as error:
        reason = str(error) or type(error).__name__
    raise Refusal(f"can't be read ({reason})", "a picture file that Pillow reads")


def grey(picture: Image.Image) -> NDArray:
    """The brightness of each pixel, (rows, columns) float32 from 0 to 255."""
    if picture.mode in DEEP:
        return eight_bits(np.asarray(picture, np.float32))
    if picture.has_transparency_data:
        return opaque(picture.convert("RGBA"))
    # Pillow converts LAB to nothing else, but its first band is the lightness.
    return np.asarray(picture.getchannel(0) if picture.mode == "LAB" else picture.convert("L"), np.float32)


def eight_bits(pixels: NDArray) -> NDArray:
    """Pixels of 16 bits, of 32 bits or floats, scaled to 0 to 255.

    The files do not say which number is white: it is 1, 255 or 65,535, the first that no pixel exceeds. Pixels
    outside 0 to 65,535 are stretched from their least to their greatest.
    """
    if not np.isfinite(pixels).all():
        raise Refusal("has pixels that are NaN or infinite", "finite numbers")
    black, white = float(pixels.min()), float(pixels.max())
    if black >= 0 and white <= 65_535:
        black, white = 0, next(limit for limit in (1, 255, 65_535) if white <= limit)
    return ((pixels - black) * (255 / (white - black))).astype(np.float32)


def opaque(picture: Image.Image) -> NDArray:
    """An RGBA picture on white paper; on black if most of it is clear and what is drawn there is light."""
    share = np.asarray(picture.getchannel("A"), np.float32) / 255
    drawn = np.asarray(picture.convert("RGB").convert("L"), np.float32)
    light = (share * drawn).sum() > share.sum() * 255 / 2
    ground = 0 if share.mean() < 0.5 and light else 255
    return share * drawn + (1 - share) * ground
