"""Numbers as text that a page can hold: gzip of their bytes in base64.

Of numbers of several bytes the first bytes come first, then the second ones, and so on: gzip then finds what they have
in common, such as their signs and exponents. `page/packed.js` is the inverse.
"""

import gzip
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from mlp.nn.network import Parameters, flatten
from mlp.nn.weights import snapshot

DROPPED_BITS = 3  # of the ten of a float16's fraction, in weights that need not be exact


def pack(content: bytes) -> str:
    """Bytes as text."""
    return b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode()


def planes(numbers: NDArray) -> bytes:
    """The bytes of numbers (n,), in little-endian order, the first of each first."""
    little = np.ascontiguousarray(numbers.astype(numbers.dtype.newbyteorder("<")))
    return little.view(np.uint8).reshape(numbers.size, -1).T.tobytes()


def exact(parameters: Parameters, dtype: type = np.float32) -> bytes:
    """All parameters of a network as they are: float32, or float16 for a snapshot."""
    return planes(flatten(parameters).astype(dtype))


def rounded(parameters: Parameters) -> bytes:
    """All parameters of a network as float16, with as many bits as bfloat16 keeps: to within 0.4 %."""
    bits = flatten(snapshot(parameters)).view(np.uint16).astype(np.uint32)
    half, mask = 1 << (DROPPED_BITS - 1), 0xFFFF << DROPPED_BITS
    return planes(((bits + half) & mask).astype(np.uint16))
