"""Label noise that depends on the class or on the image, and the matrix that comes out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from threadpoolctl import threadpool_limits

from mlp import Dataset
from mlp.data.corruption import corrupt_labels
from mlp.data.label_noise import transition_matrix
from mlp.engine.reference import reference_answers

LABELS = np.arange(100_000) % 10


def rng():
    return np.random.default_rng(0)


def shares(flips, fraction: float) -> np.ndarray:
    """The matrix of the noise, counted: the share of each given label in the row of each true one."""
    given = corrupt_labels(LABELS, "flip", fraction, 10, rng(), flips=flips)
    return confusion_matrix(LABELS, given, normalize="true")


@pytest.mark.parametrize("fraction", [0.2, 0.45, 1])
def test_a_pair_flips_the_given_share_of_both_of_its_classes_and_of_no_other(fraction):
    expected = np.eye(10)
    expected[[4, 9], [4, 9]] = 1 - fraction
    expected[[4, 9], [9, 4]] = fraction
    np.testing.assert_allclose(shares("4-9", fraction), expected, atol=0.02)


def test_arrows_flip_in_one_direction():
    matrix = transition_matrix("2>7, 3 > 8,5-6,7>1", 10)
    assert {(i, j) for i, j in np.argwhere(matrix) if i != j} == {(2, 7), (3, 8), (5, 6), (6, 5), (7, 1)}
    np.testing.assert_array_equal(matrix.sum(axis=1), 1)


@given(st.integers(0, 99), st.floats(0, 1))
@settings(max_examples=10)
def test_any_matrix_comes_out_mixed_with_the_labels_that_were_not_chosen(seed, fraction):
    matrix = np.random.default_rng(seed).dirichlet(np.full(10, 0.3), 10)
    expected = (1 - fraction) * np.eye(10) + fraction * matrix
    # Five standard deviations of a share of 10,000 labels.
    np.testing.assert_allclose(shares(matrix, fraction), expected, atol=5 * 0.5 / np.sqrt(10_000))


def test_a_matrix_of_zeros_and_ones_is_followed_to_the_letter():
    cycle = np.roll(np.eye(10), 1, axis=1)
    np.testing.assert_array_equal(corrupt_labels(LABELS, "flip", 1, 10, rng(), flips=cycle), (LABELS + 1) % 10)


def test_flipped_labels_of_a_larger_fraction_include_those_of_a_smaller_one():
    some, more = (corrupt_labels(LABELS, "flip", share, 10, rng(), flips="4-9") != LABELS for share in (0.2, 0.6))
    assert (more[some]).all()


@pytest.mark.parametrize(
    ("flips", "message"),
    [
        ("4=9", "'4=9' given; allowed: pairs such as 4-9"),
        ("", "'' given; allowed: pairs such as 4-9"),
        ("4-4", "'4-4' given; allowed: two different labels from 0 to 9"),
        ("4-10", "'4-10' given; allowed: two different labels from 0 to 9"),
        ("4-9,9>1", "9 flipped twice; allowed: once"),
        ([[1.0]], r"a matrix of shape \(1, 1\) given; allowed: 10 rows of 10 numbers"),
        (np.full((10, 10), 0.2), "a matrix given; allowed: rows of probabilities"),
        (np.eye(10) * 2 - 0.1, "a matrix given; allowed: rows of probabilities"),
        ([[1], [2, 3]], "something else than a matrix given"),
    ],
)
def test_flips_that_are_no_transition_matrix_are_refused(flips, message):
    with pytest.raises(ValueError, match=f"^flips: {message}"):
        transition_matrix(flips, 10)


def test_at_the_boundary_the_least_sure_images_get_their_likeliest_wrong_label():
    answers = np.array([[0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [0.1, 0.45, 0.45], [0.2, 0.7, 0.1]])
    # The margins are 0.8, 0.1, 0 and 0.5.
    assert corrupt_labels(np.array([0, 0, 2, 1]), "boundary", 0.5, 3, rng(), answers=answers).tolist() == [0, 1, 1, 1]
    assert corrupt_labels(np.array([0, 1, 2, 1]), "boundary", 1, 3, rng(), answers=answers).tolist() == [1, 0, 1, 0]


@given(st.integers(1, 200), st.floats(0, 1), st.integers(0, 99))
def test_exactly_the_fraction_is_wrong_and_every_other_image_is_surer(n, fraction, seed):
    random = np.random.default_rng(seed)
    answers, labels = random.dirichlet(np.ones(10), n), random.integers(10, size=n)
    wrong = corrupt_labels(labels, "boundary", fraction, 10, rng(), answers=answers) != labels
    ordered = np.sort(answers, axis=1)
    margins = ordered[:, -1] - ordered[:, -2]
    assert wrong.sum() == round(fraction * n)
    if 0 < wrong.sum() < n:
        assert margins[wrong].max() <= margins[~wrong].min()


@pytest.fixture(scope="module")
def digits() -> Dataset:
    images, labels = load_digits(return_X_y=True)
    images, labels = (images * 15).astype(np.uint8), labels.astype(np.uint8)
    return Dataset("digits", images[:1500], labels[:1500], images[1500:], labels[1500:], "")


def test_the_reference_reads_most_digits_is_the_same_every_time_and_is_unsure_where_it_errs(digits):
    answers = reference_answers(digits)
    right = answers.argmax(axis=1) == digits.train_labels
    assert right.mean() > 0.85
    np.testing.assert_array_equal(answers, reference_answers(digits))
    ordered = np.sort(answers, axis=1)
    margins = ordered[:, -1] - ordered[:, -2]
    assert np.median(margins[~right]) < 0.5 * np.median(margins[right])


def test_the_reference_has_the_same_bits_whatever_the_number_of_threads(digits):
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            answers.append(reference_answers(digits))
    np.testing.assert_array_equal(*answers)


def test_noise_at_the_boundary_of_real_digits_confuses_what_look_alike(digits):
    """The matrix that comes out is far from uniform: a few pairs take most of the flips."""
    answers, labels = reference_answers(digits), digits.train_labels
    given_labels = corrupt_labels(labels, "boundary", 0.2, 10, rng(), answers=answers)
    flips = confusion_matrix(labels, given_labels)
    assert np.trace(flips) == round(0.8 * len(labels))
    off = np.sort(flips[~np.eye(10, dtype=bool)])[::-1]
    assert off[:18].sum() > 0.5 * off.sum()  # a fifth of the 90 pairs; if all were alike they would have a fifth


def test_noise_at_the_boundary_needs_a_reference():
    with pytest.raises(ValueError, match=r"^answers: none given; allowed: those of a reference network"):
        corrupt_labels(LABELS, "boundary", 0.2, 10, rng())
