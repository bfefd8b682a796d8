"""Noise images and measures of confidence, compared with hand arithmetic, SciPy and scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy, mannwhitneyu
from sklearn.metrics import average_precision_score, roc_auc_score

from mlp.data.preprocessing import deskewed
from mlp.data.sets import Dataset
from mlp.measures.confidence import NOISES, confidence, noise_images, separation, unclipped_gaussian


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def data():
    images, labels = rng(1).integers(100, 157, size=(300, 784), dtype=np.uint8), np.zeros(300, np.uint8)
    return Dataset("tiny", images[:1], labels[:1], images, labels, "")


class TestNoise:
    @pytest.mark.parametrize("kind", NOISES)
    def test_noise_has_the_form_of_images_and_is_reproducible(self, kind, data):
        noise = noise_images(kind, 500, data, rng())
        assert noise.shape == (500, 784)
        assert noise.dtype == np.uint8
        assert noise.flags.c_contiguous
        np.testing.assert_array_equal(noise, noise_images(kind, 500, data, rng()))

    def test_uniform_noise_has_all_grey_levels_equally_often(self, data):
        counts = np.bincount(noise_images("uniform", 500, data, rng()).ravel(), minlength=256)
        np.testing.assert_allclose(counts, 500 * 784 / 256, rtol=0.15)

    def test_gaussian_noise_has_the_mean_and_the_variance_of_the_test_images(self, data):
        noise = noise_images("gaussian", 500, data, rng())
        assert noise.mean() == pytest.approx(data.test_images.mean(), abs=0.5)
        assert noise.std() == pytest.approx(data.test_images.std(), abs=0.5)

    def test_shuffled_noise_has_the_pixels_of_test_images_in_another_order(self, data):
        histograms = {np.sort(image).tobytes() for image in data.test_images}
        noise = noise_images("shuffled", 50, data, rng())
        assert {np.sort(image).tobytes() for image in noise} <= histograms
        assert not {image.tobytes() for image in noise} & {image.tobytes() for image in data.test_images}

    def test_constant_noise_has_one_grey_level_in_each_image(self, data):
        noise = noise_images("constant", 500, data, rng())
        assert (noise == noise[:, :1]).all()
        assert len(np.unique(noise)) > 100

    def test_noise_is_preprocessed_as_the_images_of_the_data_set_are(self, data):
        plain = noise_images("uniform", 50, data, rng())
        straight = noise_images("uniform", 50, replace(data, preprocess="deskew"), rng())
        np.testing.assert_array_equal(straight, deskewed(plain))

    def test_an_unknown_kind_is_refused_by_name(self, data):
        with pytest.raises(ValueError, match=r"^kind: 'pink' given; allowed: uniform, gaussian, shuffled, constant"):
            noise_images("pink", 10, data, rng())


class TestConfidence:
    def test_all_measures_of_four_answers_by_hand(self):
        noise = np.array([[0.95, 0.05, 0.0], [0.3, 0.6, 0.3], [0.2, 0.1, 0.1], [1.0, 0.0, 0.0]])
        test = np.array([[0.97, 0, 0], [0.99, 0, 0], [0.7, 0, 0]])
        # AUROC: in 2 + 3 + 3 + 0 of 12 pairs the test image (0.97, 0.99, 0.7) is above the noise (0.95, 0.6, 0.2, 1).
        # AUPR: in descending order, N T T N T N N: precision 1/2, 2/3, 3/5 at the test images.
        # FPR: 95 % of the three test images are all three, so the threshold is 0.7; 0.95 and 1.0 exceed it.
        expected = {
            "confidence": (0.95 + 0.6 + 0.2 + 1) / 4,
            "confidence_std": np.std([0.95, 0.6, 0.2, 1]),
            "normalized": (0.95 + 0.6 / 1.2 + 0.2 / 0.4 + 1) / 4,
            "margin": (0.9 + 0.3 + 0.1 + 1) / 4,
            "above_0.5": 3 / 4,
            "above_0.9": 2 / 4,
            "above_0.99": 1 / 4,
            "none_above_0.5": 1 / 4,
            "entropy": entropy(noise, axis=1).mean(),
            "favourite": 0,
            "favourite_share": 3 / 4,
            "auroc": 8 / 12,
            "aupr": (1 / 2 + 2 / 3 + 3 / 5) / 3,
            "fpr95": 2 / 4,
        }
        assert confidence(noise, test) == pytest.approx(expected)

    def test_auroc_is_mann_and_whitneys_u_over_all_pairs(self):
        noise, test = rng(0).random((80, 10)), rng(1).random((50, 10)) ** 0.9
        u = mannwhitneyu(test.max(axis=1), noise.max(axis=1)).statistic
        assert confidence(noise, test)["auroc"] == pytest.approx(u / (80 * 50))

    @given(*2 * [st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9]), min_size=1)])
    def test_auroc_and_average_precision_are_those_of_scikit_learn_also_with_ties(self, positive, negative):
        truth, scores = [True] * len(positive) + [False] * len(negative), positive + negative
        expected = {"auroc": roc_auc_score(truth, scores), "aupr": average_precision_score(truth, scores)}
        assert separation(np.array(positive), np.array(negative)) == pytest.approx(expected)

    def test_noise_with_the_same_answers_as_test_images_is_not_separated_from_them(self):
        answers = rng().random((400, 10))
        measures = confidence(answers, answers)
        assert measures["auroc"] == pytest.approx(0.5)
        assert measures["aupr"] == pytest.approx(0.5, abs=0.02)
        assert measures["fpr95"] == pytest.approx(0.95, abs=0.01)

    def test_noise_with_lower_confidence_than_all_test_images_is_separated_perfectly(self):
        measures = confidence(np.full((20, 10), 0.1), np.full((30, 10), 0.9))
        assert (measures["auroc"], measures["aupr"], measures["fpr95"]) == (1, 1, 0)
        assert measures["entropy"] == pytest.approx(np.log(10))

    def test_activations_that_all_underflowed_count_as_equal(self):
        measures = confidence(np.zeros((5, 10), np.float32), np.ones((5, 10), np.float32))
        assert measures["confidence"] == 0
        assert measures["normalized"] == pytest.approx(0.1)
        assert measures["entropy"] == pytest.approx(np.log(10))

    def test_measures_are_plain_floats(self):
        answers = rng().random((20, 10), dtype=np.float32)
        assert {type(value) for value in confidence(answers, answers).values()} == {float}


def test_unclipped_gaussian_noise_is_half_below_0_and_one_in_six_above_1():
    noise = unclipped_gaussian(200, 784, np.random.default_rng(0))
    assert noise.dtype == np.float32
    assert (noise < 0).mean() == pytest.approx(0.5, abs=0.01)
    assert (noise > 1).mean() == pytest.approx(0.1587, abs=0.01)
