"""Image sets of any side, grey or in colour: what is made of them, and what is refused."""

import numpy as np
import pytest
from PIL import Image

import mlp.data.openml
from mlp.data.image_shape import image_shape, pixel_grid
from mlp.data.preprocessing import deskewed
from mlp.data.sets import class_name, is_cached, load, resized
from mlp.engine.pixels import moved
from mlp.measures.landscape import weight_images
from mlp.nn.descent import shifted

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(256, size=(70, 3 * 12 * 12), dtype=np.uint8)
LABELS = (np.arange(70) % 10).astype(str)


@pytest.fixture
def colours(openml, monkeypatch, tmp_path):
    """A data set of 70 images of 12 x 12 pixels in three channels, in a data home of its own."""
    openml.add("Colours", COLOURS, LABELS)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    return openml


def channels_of(images):
    """Red, green and blue pixels, each as images of one channel."""
    return np.split(images, 3, axis=1)


class TestShapes:
    @pytest.mark.parametrize(
        ("pixels", "shape"), [(784, (1, 28, 28)), (3072, (3, 32, 32)), (1, (1, 1, 1)), (3, (3, 1, 1))]
    )
    def test_the_number_of_pixels_tells_the_side_and_the_channels(self, pixels, shape):
        assert image_shape(pixels) == shape

    @pytest.mark.parametrize("pixels", [0, 2, 5, 783, 1000, 2 * 784])
    def test_other_numbers_are_refused(self, pixels):
        with pytest.raises(ValueError, match=rf"^pixels: {pixels} given; allowed: "):
            image_shape(pixels)

    def test_a_picture_has_the_colours_that_pillow_splits_into_the_channels(self):
        split = Image.fromarray(pixel_grid(COLOURS[0])).split()
        assert [np.asarray(channel).ravel().tolist() for channel in split] == COLOURS[0].reshape(3, -1).tolist()


class TestLoading:
    def test_images_in_colour_keep_their_side_and_their_pixels(self, colours):
        data = load("Colours")
        assert (data.channels, data.side) == (3, 12)
        np.testing.assert_array_equal(np.concatenate([data.train_images, data.test_images]), COLOURS)

    def test_they_are_cached_for_the_next_load(self, colours, monkeypatch):
        first = load("Colours")
        assert is_cached("Colours")
        monkeypatch.delattr(mlp.data.openml, "fetch_table")
        again = load("Colours")
        assert again.digest == first.digest
        np.testing.assert_array_equal(again.train_images, first.train_images)

    @pytest.mark.parametrize("side", [4, 5, 11])
    def test_a_smaller_side_averages_each_channel_by_itself(self, colours, side):
        smaller = load("Colours", side=side)
        apart = [resized(channel, side) for channel in channels_of(COLOURS[:60])]
        np.testing.assert_array_equal(smaller.train_images, np.concatenate(apart, axis=1))
        assert smaller.digest != load("Colours").digest

    def test_a_larger_side_than_their_own_is_refused(self, colours):
        with pytest.raises(ValueError, match=r"^side: 28 given; allowed: 1 to 12$"):
            load("Colours", side=28)

    def test_a_large_side_is_averaged_exactly(self):
        assert resized(np.full((1, 300 * 300), 255, np.uint8), 28).tolist() == [[255] * 784]
        halves = np.repeat(np.array([[0, 255]], np.uint8), 300 * 150, axis=1)
        assert resized(halves, 2).tolist() == [[0, 0, 255, 255]]

    def test_levels_from_0_to_16_become_levels_from_0_to_255(self, colours):
        levels = RNG.integers(17, size=(70, 64), dtype=np.uint8)
        colours.add("Levels", levels, LABELS)
        np.testing.assert_array_equal(load("Levels").train_images, np.rint(levels[:60] / 16 * 255))

    def test_deskewing_colours_is_refused_in_one_line(self, colours):
        with pytest.raises(ValueError, match=r"^preprocess: 'deskew' given; allowed: none, for images of 3 channels$"):
            load("Colours", preprocess="deskew")
        with pytest.raises(ValueError, match=r"^preprocess: deskew given for images of 3 channels"):
            deskewed(COLOURS)


def test_a_shift_moves_all_channels_together():
    together = shifted(COLOURS, 2, np.random.default_rng(1))
    apart = [shifted(channel, 2, np.random.default_rng(1)) for channel in channels_of(COLOURS)]
    np.testing.assert_array_equal(together, np.concatenate(apart, axis=1))
    offsets = np.random.default_rng(1).integers(0, 5, (2, 70))
    np.testing.assert_array_equal(moved(COLOURS, offsets, 2), together)


def test_the_weights_from_the_three_colours_lie_side_by_side():
    weights = RNG.standard_normal((3 * 12 * 12, 5))
    pictures = weight_images(weights)
    assert pictures.shape == (5, 12, 36)
    for third, of_channel in zip(np.split(pictures, 3, axis=2), np.split(weights, 3), strict=True):
        np.testing.assert_array_equal(third, weight_images(of_channel))


def test_the_classes_of_cifar_10_have_names():
    assert [class_name("CIFAR_10", label) for label in (0, 9)] == ["airplane", "truck"]
