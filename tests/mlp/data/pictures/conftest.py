"""Drawings of digits, saved as files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mlp.data.sets import Dataset, load

PAPER, INK = 200, 50  # grey from 0 to 255


@pytest.fixture
def drawn() -> Callable[[str], NDArray]:
    """A function that draws a text, (280, 280) uint8, dark on light."""

    def draw(text: str, size: int = 200) -> NDArray:
        paper = Image.new("L", (280, 280), PAPER)
        font = ImageFont.load_default(size)
        ImageDraw.Draw(paper).text((140, 140), text, INK, font, anchor="mm", align="center")
        return np.asarray(paper)

    return draw


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes pixels to a file."""

    def save(pixels: NDArray, name: str = "picture.png") -> Path:
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture(scope="package")
def mnist(mnist_home: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCIKIT_LEARN_DATA", str(mnist_home))
        return load("mnist")
