"""Deskewing makes slanted images upright, and changes nothing else; scikit-image and SciPy are the oracles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import affine_transform, center_of_mass
from skimage.measure import moments_central
from skimage.transform import AffineTransform, warp

from mlp.data.preprocessing import PREPROCESSES, deskewed, row_shifts
from mlp.data.sets import load

SIDE = 28
images_of_any_kind = arrays(np.uint8, (3, SIDE * SIDE), elements=st.integers(0, 255))


def bar(slant: float) -> np.ndarray:
    """A blurred bar through the middle of an image; each row lies `slant` pixels further right than the one above."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    return (np.exp(-(((columns - slant * rows) / 1.5) ** 2)) * (abs(rows) < 9)).ravel()


def slant(image: np.ndarray) -> float:
    """By scikit-image's central moments: covariance of column and row over the variance of the row."""
    moments = moments_central(image.reshape(SIDE, SIDE).astype(np.float64), order=2)
    return float(moments[1, 1] / moments[2, 0])


@pytest.mark.parametrize("given_slant", [-0.7, -0.3, 0, 0.2, 0.6])
def test_a_slanted_bar_becomes_the_upright_one(given_slant):
    straight = deskewed(bar(given_slant)[np.newaxis])[0]
    assert slant(bar(given_slant)) == pytest.approx(given_slant, abs=0.01)
    np.testing.assert_allclose(straight, bar(0), atol=0.08)  # what linear interpolation loses of a narrow bar


def test_it_is_the_shear_of_scikit_image_and_of_scipy():
    images = load("digits").test_images[:50] / 255.0
    for image, straight in zip(images, deskewed(images), strict=True):
        # With a margin: the three differ in what they find half a pixel outside of an image.
        square, shear = np.pad(image.reshape(SIDE, SIDE), ((0, 0), (20, 20))), slant(image)
        row, column = center_of_mass(square)
        offset = column - (square.shape[1] - 1) / 2 - shear * row
        by_scipy = affine_transform(square, [[1, 0], [shear, 1]], [0, offset], order=1)
        by_scikit_image = warp(square, AffineTransform([[1, shear, offset], [0, 1, 0], [0, 0, 1]]), order=1)
        for other in (by_scipy, by_scikit_image):
            np.testing.assert_allclose(straight.reshape(SIDE, SIDE), other[:, 20:-20], atol=1e-5)


def test_digits_stand_upright_afterwards():
    digits = load("digits").train_images
    before, after = ([abs(slant(image)) for image in images[:300]] for images in (digits, deskewed(digits)))
    assert np.mean(before) > 0.1
    assert np.quantile(after, 0.95) < 0.02


def test_the_brightness_of_each_row_stays_and_the_centre_of_mass_comes_to_the_middle_column():
    digits = load("digits").test_images[:100] / 255.0
    for image, straight in zip(digits.reshape(-1, SIDE, SIDE), deskewed(digits).reshape(-1, SIDE, SIDE), strict=True):
        np.testing.assert_allclose(straight.sum(axis=1), image.sum(axis=1), rtol=0.02, atol=0.7)
        np.testing.assert_allclose(center_of_mass(straight), (center_of_mass(image)[0], 13.5), atol=0.1)


def test_an_image_without_a_slant_is_only_centred():
    dark, grey, column, row, pixel = images = np.zeros((5, SIDE, SIDE), np.uint8)
    grey[:], column[:, 5:7], row[3, :9], pixel[4, 6] = 200, 200, 90, 80
    expected = np.zeros_like(images)
    # A pixel, and nine of them, can't stand in the middle of 28 columns: two columns share the outer ones.
    expected[1], expected[2, :, 13:15], expected[3, 3, 10:18], expected[4, 4, 13:15] = 200, 200, 90, 40
    expected[3, 3, [9, 18]] = 45
    straight = deskewed(images.reshape(5, -1)).reshape(5, SIDE, SIDE)
    np.testing.assert_array_equal(straight, expected)
    assert not dark.any()


@given(images_of_any_kind)
def test_pixels_keep_their_type_and_range_and_images_do_not_mix(images):
    together = deskewed(images)
    assert together.dtype == np.uint8
    np.testing.assert_array_equal(together, np.concatenate([deskewed(image[np.newaxis]) for image in images]))
    floats = deskewed(images / 255.0)
    assert floats.min() >= 0
    assert floats.max() <= 1 + 1e-6
    np.testing.assert_allclose(together, 255 * floats, atol=0.501)  # rounding


def test_pixels_below_zero_have_no_weight_in_the_moments():
    noise = np.random.default_rng(0).standard_normal((20, SIDE * SIDE))
    np.testing.assert_array_equal(row_shifts(noise), row_shifts(np.maximum(noise, 0)))
    assert np.abs(row_shifts(noise)).max() < 3


def test_data_sets_are_preprocessed_after_they_are_resized():
    plain, straight = load("digits", side=10), load("digits", side=10, preprocess="deskew")
    np.testing.assert_array_equal(straight.train_images, deskewed(plain.train_images))
    np.testing.assert_array_equal(straight.test_images, deskewed(plain.test_images))
    assert (plain.preprocess, straight.preprocess) == ("none", "deskew")


def test_only_preprocessing_changes_the_digest():
    plain = load("digits")
    assert load("digits", preprocess="none").digest == plain.digest
    assert load("digits", preprocess="deskew").digest != plain.digest


def test_an_unknown_preprocessing_is_refused():
    with pytest.raises(ValueError, match="preprocess: 'sharpen' given; allowed: none, deskew"):
        load("digits", preprocess="sharpen")
    assert list(PREPROCESSES) == ["none", "deskew"]
