"""The choice of training rows."""

from dataclasses import replace

import numpy as np
import pytest

from mlp.data.rows import choose_rows
from mlp.data.sets import load

DATA = load("digits")  # 1,438 rows to train on, the rarest class has 139


def test_the_first_rows_are_those_of_the_data_set():
    np.testing.assert_array_equal(choose_rows(DATA, "first", 100, 3).train_labels, DATA.train_labels[:100])


def test_a_balanced_choice_has_equally_many_of_every_class_from_the_first_and_in_their_order():
    chosen = choose_rows(DATA, "balanced", 105, 3)
    assert np.bincount(chosen.train_labels).tolist() == [10] * 10
    threes = DATA.train_images[DATA.train_labels == 3]
    np.testing.assert_array_equal(chosen.train_images[chosen.train_labels == 3], threes[:10])
    places = [np.flatnonzero((DATA.train_images == image).all(axis=1))[0] for image in chosen.train_images]
    assert places == sorted(places)


def test_without_a_number_of_rows_the_rarest_class_decides():
    assert set(np.bincount(choose_rows(DATA, "balanced", None, 0).train_labels)) == {
        np.bincount(DATA.train_labels).min()
    }


def test_more_rows_of_a_class_than_there_are_are_refused():
    with pytest.raises(ValueError, match=r"^rows: 5000 given, balanced; allowed: at most 13\d0$"):
        choose_rows(DATA, "balanced", 5000, 0)
    with pytest.raises(ValueError, match="choice: 'last' given; allowed: first, balanced, seed"):
        choose_rows(DATA, "last", 10, 0)


def test_every_seed_has_a_sample_of_its_own_which_no_row_is_twice_in():
    numbered = replace(DATA, train_labels=np.arange(len(DATA.train_labels)))
    first, again, other = (choose_rows(numbered, "seed", 1000, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train_labels, again.train_labels)
    assert first.digest == again.digest != other.digest
    assert len(np.unique(first.train_labels)) == 1000
    # Two samples of 1,000 of 1,438 rows are expected to have 1,000 x 1,000 / 1,438 = 695 in common.
    assert len(np.intersect1d(first.train_labels, other.train_labels)) == pytest.approx(695, abs=40)


def test_the_test_images_stay():
    np.testing.assert_array_equal(choose_rows(DATA, "seed", 10, 0).test_images, DATA.test_images)
