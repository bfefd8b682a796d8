"""Corrupted labels and images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.data.corruption import IMAGE_CORRUPTIONS, corrupt_images, corrupt_labels

RANDOM = ("shuffle", "redraw")  # that corrupt any label
kinds = st.sampled_from((*RANDOM, "flip"))
fractions = st.floats(0, 1)
label_vectors = st.lists(st.integers(0, 9), max_size=60).map(lambda labels: np.array(labels, np.uint8))


def rng(seed=0):
    return np.random.default_rng(seed)


class TestLabels:
    @given(label_vectors, fractions, st.integers(0, 99))
    def test_shuffling_keeps_the_class_histogram(self, labels, fraction, seed):
        shuffled = corrupt_labels(labels, "shuffle", fraction, 10, rng(seed))
        np.testing.assert_array_equal(np.bincount(shuffled, minlength=10), np.bincount(labels, minlength=10))

    @given(label_vectors, kinds, fractions)
    def test_rows_outside_the_fraction_keep_their_labels(self, labels, kind, fraction):
        before = labels.copy()
        corrupted = corrupt_labels(labels, kind, fraction, 10, rng())
        assert (corrupted != labels).sum() <= round(fraction * len(labels))
        assert corrupted.dtype == labels.dtype
        np.testing.assert_array_equal(labels, before)

    @pytest.mark.parametrize("kind", RANDOM)
    def test_exactly_the_given_fraction_of_rows_is_chosen(self, kind):
        # With as many classes as rows, about one of the 500 chosen rows keeps its label: a fixed point of the
        # permutation, or a label that is drawn again.
        labels = np.arange(1000)
        changed = corrupt_labels(labels, kind, 0.5, 1000, rng()) != labels
        assert 490 <= changed.sum() <= 500
        assert 200 < changed[:500].sum() < 300  # the chosen rows are spread over all rows

    @pytest.mark.parametrize("kind", RANDOM)
    def test_one_label_in_ten_is_right_by_chance(self, kind):
        labels = np.arange(50_000) % 10
        wrong = (corrupt_labels(labels, kind, 0.5, 10, rng()) != labels).mean()
        assert wrong == pytest.approx(0.9 * 0.5, abs=0.01)

    @pytest.mark.parametrize("kind", RANDOM)
    def test_with_the_same_seed_a_larger_fraction_includes_the_rows_of_a_smaller_one(self, kind):
        labels = np.arange(1000)
        quarter, half = (corrupt_labels(labels, kind, fraction, 1000, rng()) != labels for fraction in (0.25, 0.5))
        assert (quarter & half).sum() >= 0.97 * quarter.sum()

    def test_redrawn_labels_are_uniform_over_the_classes(self):
        counts = np.bincount(corrupt_labels(np.zeros(50_000, np.uint8), "redraw", 1, 10, rng()), minlength=10)
        np.testing.assert_allclose(counts, 5000, rtol=0.1)

    @pytest.mark.parametrize(("kind", "fraction"), [("swap", 0.5), ("shuffle", 1.5), ("redraw", -0.1)])
    def test_a_wrong_argument_is_refused_by_name(self, kind, fraction):
        with pytest.raises(ValueError, match=r"^(kind: 'swap'|fraction: 1.5|fraction: -0.1) given; allowed: "):
            corrupt_labels(np.zeros(3, int), kind, fraction, 10, rng())


class TestImages:
    images = rng(1).integers(256, size=(40, 30), dtype=np.uint8)

    @pytest.mark.parametrize("kind", IMAGE_CORRUPTIONS)
    def test_corrupted_images_have_the_same_form_and_the_originals_do_not_change(self, kind):
        before = self.images.copy()
        corrupted = corrupt_images(self.images, kind, rng())
        assert corrupted.shape == self.images.shape
        assert corrupted.dtype == np.uint8
        assert corrupted.flags.c_contiguous
        np.testing.assert_array_equal(self.images, before)

    @pytest.mark.parametrize("kind", ["shuffled_pixels", "random_pixels"])
    def test_permuted_images_keep_their_pixel_values(self, kind):
        corrupted = corrupt_images(self.images, kind, rng())
        np.testing.assert_array_equal(np.sort(corrupted, axis=1), np.sort(self.images, axis=1))
        assert (corrupted != self.images).any()

    def test_shuffled_pixels_are_one_permutation_for_training_and_test_images(self):
        positions = np.tile(np.arange(30, dtype=np.uint8), (5, 1))
        train, test = (corrupt_images(images, "shuffled_pixels", rng()) for images in (positions, positions[:2]))
        assert (train == train[0]).all()
        assert (test == train[0]).all()

    def test_random_pixels_are_another_permutation_for_each_image(self):
        positions = np.tile(np.arange(30, dtype=np.uint8), (5, 1))
        assert len(np.unique(corrupt_images(positions, "random_pixels", rng()), axis=0)) == 5

    def test_gaussian_pixels_have_the_mean_and_variance_of_the_data(self):
        images = np.tile(np.array([108, 148], np.uint8), (200, 50))  # mean 128, deviation 20: hardly any is clipped
        noise = corrupt_images(images, "gaussian", rng())
        assert noise.mean() == pytest.approx(128, abs=1)
        assert noise.std() == pytest.approx(20, abs=1)
        assert noise.mean(axis=0).std() < 2  # all pixels have the same mean

    def test_gaussian_pixels_beyond_black_and_white_are_clipped(self):
        images = np.tile(np.array([0, 255], np.uint8), (200, 50))
        noise = corrupt_images(images, "gaussian", rng())
        assert (noise == 0).mean() == pytest.approx((noise == 255).mean(), abs=0.02)
        assert (noise == 0).mean() == pytest.approx(0.159, abs=0.02)  # the share below mean minus one deviation

    def test_an_unknown_kind_is_refused_by_name(self):
        with pytest.raises(ValueError, match=r"^kind: 'blur' given; allowed: shuffled_pixels, "):
            corrupt_images(self.images, "blur", rng())
