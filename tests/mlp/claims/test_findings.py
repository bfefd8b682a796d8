"""What claims measure by, on networks with constructed curves; values against allowed ranges."""

import numpy as np
import pytest

from mlp.claims import estimate, holds
from mlp.claims.findings import Networks, censored_epochs, rank_correlation
from mlp.data.randomness import generator
from mlp.statistics.intervals import Estimate
from tests.mlp.claims.constructed import constructed


def test_networks_are_selected_by_their_attributes():
    nets = Networks(constructed(seed, fraction=fraction) for fraction in (0, 1) for seed in (2, 1))
    assert [net.seed for net in nets.select(fraction=1)] == [2, 1]
    assert nets.values("seed") == [1, 2]


def test_a_seed_that_diverged_is_nan_and_the_others_keep_their_places():
    nets = Networks([constructed(0, test=0.5), constructed(2, test=0.7), constructed(1, fraction=1)])
    np.testing.assert_array_equal(nets.over_seeds("test/accuracy", fraction=0), [0.5, np.nan, 0.7])


def test_a_training_that_stopped_early_keeps_its_last_value():
    stopped, longer = (
        constructed(accuracy=[0.1, 0.8, np.nan, np.nan]),
        constructed(1, accuracy=[0.1, 0.2, 0.3, 0.4]),
    )
    assert stopped.final("train/accuracy") == 0.8
    curves = Networks([stopped, longer]).curves("train/accuracy")
    np.testing.assert_allclose(curves, [[0.1, 0.8, 0.8, 0.8], [0.1, 0.2, 0.3, 0.4]])


def test_the_lowest_final_value_is_that_of_the_worst_network_of_each_seed():
    first, worse = constructed(0, accuracy=[0, 0.9]), constructed(0, rows=50, accuracy=[0, 0.7])
    nets = Networks([first, worse, constructed(1, accuracy=[0, 1])])
    np.testing.assert_array_equal(nets.lowest("train/accuracy"), [0.7, 1])


def test_a_network_that_never_fits_counts_with_its_last_epoch():
    assert censored_epochs(constructed(accuracy=[0.1, 0.5, 0.9])) == 2
    assert censored_epochs(constructed(accuracy=[0.1, 0.5, 0.9]), 0.5) == 1
    assert censored_epochs(constructed(accuracy=[0.1, 1.0])) == 1


def test_the_start_of_a_network_is_that_of_its_seed():
    net = constructed(3)
    np.testing.assert_array_equal(net.start[0].weights, net.network.initialize(generator(3, "start"))[0].weights)


def test_values_that_grow_with_p_have_rank_correlation_one():
    values = np.array([[1, 5], [2, 4], [30, 3]])
    np.testing.assert_allclose(rank_correlation([0, 0.5, 1], values), [1, -1])


def test_constant_values_have_no_rank_correlation():
    assert np.isnan(rank_correlation([0, 1], np.zeros((2, 1)))).all()


class TestVerdicts:
    @pytest.mark.parametrize(
        ("values", "at_least", "at_most", "expected"),
        [
            ([0.95] * 5, 0.945, None, True),
            ([0.94] * 5, 0.945, None, False),
            ([0.1] * 5, 0.08, 0.12, True),
            ([0.13] * 5, 0.08, 0.12, False),
            ([13002] * 5, 13002, 13002, True),
            ([0.3 - 0.2] * 5, 0.1, None, True),  # up to rounding
            ([np.nan] * 5, 0, None, False),
            ([1, 2, 3, 4, 5], 0, None, True),  # mean 3, interval 1.04 to 4.96
            ([1, 2, 3, 4, 5], 2.5, None, None),
            ([1, 2, 3, 4, 5], None, 2.5, None),
            ([1, 2, 3, 4, 5], 5, None, False),
            ([1, 2, 3, 4, 5], 2.9, 3.1, None),
            ([1, 2, 3], 0.9, None, True),  # fewer than five seeds: all of them are in the range
            ([1, 2, 3], 1.5, None, None),
        ],
    )
    def test_a_quantity_holds_if_its_whole_interval_lies_in_the_range(self, values, at_least, at_most, expected):
        assert holds(estimate(np.array(values)), at_least, at_most) is expected

    def test_a_single_number_is_decided_by_its_value(self):
        assert holds(estimate(3.0), 2, 4) is True
        assert holds(estimate(np.inf), 2, None) is False

    def test_a_single_number_has_no_interval(self):
        measured = estimate(3.3585)
        assert measured.value == 3.3585
        assert np.isnan(measured.low)

    def test_an_estimate_is_returned_unchanged(self):
        given = Estimate(np.array(0.5), np.array(0.4), np.array(0.7))
        assert estimate(given) is given
