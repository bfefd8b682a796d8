"""Small pictures of weights show which are positive, negative and zero, and where."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mlp.measures.tiles import image_tile, thumbnail, weight_tile


def pixels(weights: np.ndarray) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(thumbnail(weights))).convert("RGB")).astype(int)


def test_positive_weights_are_orange_negative_ones_blue_and_zero_is_white():
    weights = np.zeros((9, 1))
    weights[0, 0], weights[8, 0] = 2.0, -2.0
    picture = pixels(weights)
    orange, blue, white = picture[4, 4], picture[12, 12], picture[8, 8]
    assert orange[0] > orange[1] > orange[2] + 50
    assert blue[2] > blue[0] + 100
    assert list(white) == [255, 255, 255]


def test_half_of_the_largest_weight_has_half_of_its_colour():
    picture = pixels(np.array([[1.0], [0.5], [0.0], [0.0]]))
    full, half = 255 - picture[4, 4], 255 - picture[4, 8]
    np.testing.assert_allclose(half, full / 2, atol=255 / 63)  # as near as 63 shades allow


@pytest.mark.parametrize(("neurons", "rows"), [(1, 1), (8, 1), (9, 2), (16, 2), (300, 2)])
def test_it_shows_at_most_sixteen_neurons_in_rows_of_eight(neurons, rows):
    picture = pixels(np.ones((16, neurons)))
    tile = 4 * (4 + 2 * 1)  # four pixels for each weight, and for the margin around a neuron
    assert picture.shape == (rows * tile, min(neurons, 8) * tile, 3)


def test_weights_that_are_all_zero_give_a_white_picture():
    assert (pixels(np.zeros((4, 2))) == 255).all()


def test_inputs_that_form_no_square_are_refused():
    with pytest.raises(ValueError, match="pixels: 5 given"):
        thumbnail(np.zeros((5, 2)))


def test_a_tile_is_orange_for_positive_weights_and_blue_for_negative_ones():
    picture = Image.open(BytesIO(weight_tile(np.array([[1.0, 0.0], [-1.0, 0.5]]), limit=1.0))).convert("RGB")
    assert picture.size == (2, 2)
    (orange, white, blue, pale) = (picture.getpixel(place) for place in ((0, 0), (1, 0), (0, 1), (1, 1)))
    assert orange[0] > orange[2]
    assert blue[2] > blue[0]
    assert min(white) > 240
    assert pale[0] > pale[2]


def test_a_weight_beyond_the_limit_is_as_orange_as_one_at_the_limit_and_no_limit_is_no_error():
    at, beyond = (weight_tile(np.array([[weight, 0.0]]), limit=1.0) for weight in (1.0, 5.0))
    assert at == beyond
    zeros = Image.open(BytesIO(weight_tile(np.zeros((2, 2)), limit=0.0))).convert("RGB")
    assert np.asarray(zeros).min() > 240


def test_the_tile_of_a_grey_image_has_its_pixels():
    image = np.random.default_rng(0).integers(256, size=(28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(image_tile(image)))), image)
