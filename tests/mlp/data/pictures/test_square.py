"""A digit that was found is fitted into the square as MNIST's are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.data.pictures import read_digit
from mlp.data.pictures.square import centred, cut_out, stroke_width, usual_strokes


def test_the_digit_is_twenty_pixels_tall_with_its_mass_in_the_middle(drawn, saved):
    image = read_digit(saved(drawn("7"))).reshape(28, 28)
    rows, _ = np.nonzero(image)
    assert np.ptp(rows) + 1 == 20
    mass = image.sum()
    assert (image.sum(axis=1) @ np.arange(28)) / mass == pytest.approx(14, abs=0.5)
    assert (image.sum(axis=0) @ np.arange(28)) / mass == pytest.approx(14, abs=0.5)
    assert 0 <= image.min() <= image.max() <= 1


@given(st.integers(1, 60), st.integers(1, 60))
def test_ink_of_any_size_fits_into_the_square(height, width):
    square = centred(np.ones((height, width), dtype=np.float32), 28)
    assert square.shape == (28, 28)
    rows, columns = np.nonzero(square)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20


def test_the_cut_holds_all_ink_and_nothing_more():
    pixels = np.zeros((9, 9), dtype=np.float32)
    pixels[2, 3] = pixels[5, 7] = 1
    assert cut_out(pixels).shape == (4, 5)


@pytest.mark.parametrize("width", [5, 9, 15])
def test_the_width_of_a_bar_is_its_width(width):
    assert stroke_width(np.ones((100, width), bool)) == pytest.approx(width, abs=1)


@pytest.mark.parametrize(("width", "low", "high"), [(3, 0.07, 0.11), (12, 0.11, 0.13), (30, 0.14, 0.18)])
def test_thin_strokes_become_thicker_and_thick_ones_thinner(width, low, high):
    ink = np.zeros((100, 60), np.float32)
    ink[:, :width] = ink[-width:] = 1  # an L
    strokes = usual_strokes(ink)
    assert low <= stroke_width(strokes > 0.5) / max(strokes.shape) <= high


FRAMED_OTHERWISE = {
    "a grey ground": lambda image: np.maximum(image, 45),
    "a ground that is everywhere brighter": lambda image: np.clip(image.astype(int) + 45, 0, 255).astype(np.uint8),
    "another place": lambda image: np.roll(image, 3, axis=1),
    "another size": lambda image: np.pad(image[::2, ::2], 7),
    "dark on light": lambda image: 255 - image,
}


@pytest.mark.parametrize("change", FRAMED_OTHERWISE)
def test_a_picture_of_the_networks_size_is_read_as_any_other_unless_it_is_framed_as_mnist_frames_it(
    change, drawn, saved
):
    framed = (255 * read_digit(saved(drawn("5")))).round().astype(np.uint8).reshape(28, 28)
    np.testing.assert_array_equal(255 * read_digit(saved(framed)), framed.ravel(), strict=False)
    other = read_digit(saved(FRAMED_OTHERWISE[change](framed))).reshape(28, 28)
    border = np.concatenate([*other[[0, -1]], *other[:, [0, -1]].T])
    assert not border.any(), "the ground is black"
    rows, columns = np.nonzero(other > 0.1)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(20, abs=1)
    assert np.corrcoef(other.ravel(), framed.ravel())[0, 1] > 0.75
