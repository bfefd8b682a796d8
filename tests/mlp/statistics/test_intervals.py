"""Statistics over seeds, compared with hand arithmetic, SciPy and published values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from mlp.statistics.intervals import (
    SCALES,
    bootstrap_interval,
    interquartile_mean,
    mean_interval,
    sampling_error,
    student_interval,
    summarize,
)

numbers = st.floats(-1000, 1000).map(lambda x: round(x, 3))
tables = st.tuples(st.integers(2, 8), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=numbers)
)


def rng(seed=0):
    return np.random.default_rng(seed)


class TestSummary:
    def test_a_group_of_five_seeds_by_hand(self):
        summary = summarize([1.0, 2.0, 3.0, 4.0, 9.0])
        assert summary.seeds == 5
        assert summary.mean == pytest.approx(3.8)
        assert summary.std == pytest.approx(np.sqrt((2.8**2 + 1.8**2 + 0.8**2 + 0.2**2 + 5.2**2) / 4))
        assert summary.median == 3
        assert summary.iqm == 3  # without one of five at each end: (2 + 3 + 4) / 3
        # t(0.975, 4 degrees) = 2.776445 (any printed table)
        half = 2.776445 * summary.std / np.sqrt(5)
        np.testing.assert_allclose([summary.low, summary.high], [3.8 - half, 3.8 + half], atol=1e-5)

    def test_the_interquartile_mean_is_that_of_rliable(self):
        # rliable's own test: the mean of its pooled 4 x 2 and 3 x 2 score matrices.
        assert interquartile_mean(np.array([[1, 2], [2, 2], [1, 1], [2, 1]]).ravel()) == 1.5
        assert interquartile_mean(np.array([[1, 1], [2, 2], [3, 3]]).ravel()) == 2

    def test_an_outlier_does_not_change_the_interquartile_mean(self):
        assert interquartile_mean([1.0, 2, 3, 4, 5, 6, 7, 8]) == interquartile_mean([1.0, 2, 3, 4, 5, 6, 7, 1e9]) == 4.5

    @given(tables)
    def test_every_statistic_is_that_of_numpy_and_scipy(self, values):
        summary = summarize(values)
        np.testing.assert_allclose(summary.mean, values.mean(axis=0), atol=1e-9)
        np.testing.assert_allclose(summary.std, values.std(axis=0, ddof=1), atol=1e-9)
        np.testing.assert_allclose(summary.median, np.median(values, axis=0), atol=1e-9)
        np.testing.assert_allclose(summary.iqm, stats.trim_mean(values, 0.25, axis=0), atol=1e-9)

    def test_a_missing_or_diverged_seed_is_left_out_and_counted(self):
        with_holes = np.array([[1.0, 5, np.nan], [2, np.nan, np.nan], [3, np.inf, np.nan], [6, 7, np.nan]])
        summary = summarize(with_holes)
        np.testing.assert_array_equal(summary.seeds, [4, 2, 0])
        np.testing.assert_array_equal(summary.mean, [3, 6, np.nan])
        np.testing.assert_array_equal(summary.median, [2.5, 6, np.nan])
        np.testing.assert_array_equal(summary.iqm, [2.5, 6, np.nan])
        np.testing.assert_allclose(summary.std[:2], [np.sqrt(14 / 3), np.sqrt(2)])

    def test_a_curve_is_summarized_step_by_step(self):
        curves = rng().normal(size=(6, 3, 11))  # seeds, groups, steps
        summary = summarize(curves)
        assert summary.mean.shape == summary.low.shape == (3, 11)
        alone = summarize(curves[:, 1, 4])
        assert alone.mean == summary.mean[1, 4]
        assert alone.high == summary.high[1, 4]

    def test_a_single_number_is_refused(self):
        with pytest.raises(ValueError, match=r"values: 3\.0 given; allowed: an array"):
            summarize(3.0)


def covered(interval, truth) -> float:
    """Share of the intervals that contain the true mean."""
    return float(((interval.low <= truth) & (interval.high >= truth)).mean())


class TestScales:
    """Intervals that can't leave the possible values."""

    def test_a_share_by_hand(self):
        # Mean 0.96, standard error 0.01: in logits 3.178 with a standard error of 0.01 / (0.96 x 0.04) = 0.2604.
        values = 0.96 + 0.01 * np.sqrt(5) * np.array([-1, -1, 0, 1, 1])
        half = 2.776445 * 0.01 / (0.96 * 0.04)
        logit = np.log(0.96 / 0.04)
        interval = mean_interval(values, "share")
        ends = 1 / (1 + np.exp(-(logit - half))), 1 / (1 + np.exp(-(logit + half)))
        assert (interval.value, interval.low, interval.high) == pytest.approx((0.96, *ends), rel=1e-6)

    def test_a_ratio_by_hand(self):
        # Mean 4, standard error 1: in logarithms a standard error of 1 / 4.
        values = 4 + np.sqrt(5) * np.array([-1, -1, 0, 1, 1])
        interval = mean_interval(values, "ratio")
        assert (interval.low, interval.high) == pytest.approx((4 * np.exp(-2.776445 / 4), 4 * np.exp(2.776445 / 4)))

    def test_of_counted_hits_it_is_the_logit_interval_of_a_proportion(self):
        # Agresti, "Categorical Data Analysis", 3.1: logit(p) ± z / sqrt(n p (1 - p)), here for 380 of 400.
        interval = mean_interval(np.repeat([1.0, 0.0], [380, 20]), "share")
        ends = stats.logistic.cdf(stats.logistic.ppf(0.95) + np.array([-1, 1]) * 1.96 / np.sqrt(400 * 0.95 * 0.05))
        assert (interval.low, interval.high) == pytest.approx(tuple(ends), abs=2e-4)

    @given(arrays(np.float64, st.integers(2, 12), elements=st.sampled_from([0, 1e-6, 0.5, 0.97, 0.999, 1])))
    def test_the_interval_of_a_share_never_leaves_0_to_1(self, values):
        interval = mean_interval(values, "share")
        assert 0 <= interval.low <= interval.high <= 1
        assert interval.low - 1e-12 <= interval.value <= interval.high + 1e-12

    @given(arrays(np.float64, st.integers(5, 12), elements=st.floats(0.01, 100)))
    def test_the_interval_of_a_ratio_stays_above_0(self, values):
        assert mean_interval(values, "ratio").low > 0

    @pytest.mark.parametrize(("a", "b"), [(8, 0.5), (20, 0.5), (50, 2)])
    def test_of_skewed_shares_it_covers_the_true_mean_more_often_than_students(self, a, b):
        values = rng().beta(a, b, (5, 4000))
        truth = a / (a + b)
        assert covered(mean_interval(values, "share"), truth) > covered(student_interval(values), truth) + 0.015

    def test_a_correlation_by_hand(self):
        # The derivative of atanh is 1 / (1 - r²): a standard error of 0.01 at 0.9 is one of 0.01 / 0.19 in Fisher's z.
        values = 0.9 + 0.01 * np.sqrt(5) * np.array([-1, -1, 0, 1, 1])
        interval = mean_interval(values, "correlation")
        half = 2.776445 * 0.01 / 0.19
        assert (interval.low, interval.high) == pytest.approx(
            (np.tanh(np.arctanh(0.9) - half), np.tanh(np.arctanh(0.9) + half))
        )

    def test_far_from_the_ends_it_is_students(self):
        values = rng().normal(0.5, 0.005, (10, 3))
        np.testing.assert_allclose(mean_interval(values, "share"), student_interval(values), atol=1e-5)

    def test_fewer_than_five_seeds_are_given_as_points(self):
        values = np.array([[0.2], [0.9], [0.4], [0.3]])
        assert tuple(np.squeeze(mean_interval(values, "share"))) == pytest.approx((0.45, 0.2, 0.9))
        assert tuple(mean_interval([1.0, 2.0, np.nan, 4.0, np.nan])) == pytest.approx((7 / 3, 1, 4))

    def test_each_column_has_its_own_scale(self):
        values = rng().uniform(0.9, 1, (6, 4, 2))
        both = mean_interval(values, ["share", "linear"])
        np.testing.assert_array_equal(both.low[:, 0], mean_interval(values[..., 0], "share").low)
        np.testing.assert_array_equal(both.high[:, 1], mean_interval(values[..., 1]).high)

    @pytest.mark.parametrize(
        ("values", "scale", "message"),
        [
            ([95.0, 96.0], "share", "values: 95 to 96 given for a share; allowed: 0 to 1"),
            ([-1.0, 2.0], "ratio", "values: -1 to 2 given for a ratio; allowed: 0 or more"),
            ([0.5, 0.6], "percent", "scale: 'percent' given; allowed: linear, share, ratio, correlation"),
        ],
    )
    def test_impossible_values_are_refused(self, values, scale, message):
        with pytest.raises(ValueError, match=message):
            mean_interval(values, scale)

    @pytest.mark.parametrize(("hits", "count"), [(9640, 10_000), (359, 359), (0, 50), (7, 20)])
    def test_the_sampling_error_is_half_of_wilsons_interval(self, hits, count):
        theirs = stats.binomtest(hits, count).proportion_ci(method="wilson")
        assert sampling_error(hits / count, count) == pytest.approx((theirs.high - theirs.low) / 2)


class TestIntervals:
    @given(tables, st.sampled_from([0.8, 0.95, 0.99]))
    def test_the_t_interval_is_that_of_scipys_t_test(self, values, confidence):
        values = values + np.linspace(0, 1, len(values))[:, None] ** 3  # never all equal
        theirs = stats.ttest_1samp(values, 0, axis=0).confidence_interval(confidence)
        ours = student_interval(values, confidence)
        np.testing.assert_allclose([ours.low, ours.high], [theirs.low, theirs.high], rtol=1e-9, atol=1e-9)

    def test_the_t_interval_covers_the_true_mean_in_95_percent_of_the_cases(self):
        interval = mean_interval(rng().normal(3, 2, (5, 4000)))
        covered = ((interval.low <= 3) & (interval.high >= 3)).mean()
        assert covered == pytest.approx(0.95, abs=0.015)

    def test_the_bootstrap_interval_covers_the_true_mean_less_often_with_ten_seeds(self):
        interval = bootstrap_interval(rng().normal(3, 2, (10, 400)), rng(1))
        covered = ((interval.low <= 3) & (interval.high >= 3)).mean()
        assert 0.84 < covered < 0.95

    def test_with_many_seeds_t_and_bootstrap_agree(self):
        values = rng().normal(size=(400, 2))
        by_t, by_bootstrap = mean_interval(values), bootstrap_interval(values, rng(1))
        np.testing.assert_allclose(by_bootstrap, by_t, atol=0.01)

    @pytest.mark.parametrize("statistic", [np.mean, np.median, interquartile_mean])
    def test_the_bootstrap_of_one_group_is_scipys(self, statistic):
        values = rng().exponential(size=12)
        ours = bootstrap_interval(values, rng(1), statistic)
        theirs = stats.bootstrap((values,), statistic, rng=rng(1)).confidence_interval
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
        assert ours.value == statistic(values)

    @settings(max_examples=10)
    @given(st.floats(0.1, 10), st.floats(-10, 10))
    def test_scaled_and_shifted_values_have_the_scaled_and_shifted_interval(self, scale, offset):
        values = rng().exponential(size=(7, 2))
        plain = bootstrap_interval(values, rng(1))
        other = bootstrap_interval(values * scale + offset, rng(1))
        # Not exactly: BCa counts the resamples below the mean, and rounding changes those that are equal to it.
        np.testing.assert_allclose(other, np.array(plain) * scale + offset, atol=0.02 * scale)

    def test_the_same_generator_gives_the_same_interval(self):
        values = rng().normal(size=(8, 3))
        np.testing.assert_array_equal(bootstrap_interval(values, rng(5)), bootstrap_interval(values, rng(5)))

    def test_the_interval_has_zero_width_if_all_seeds_agree(self):
        values = np.full((4, 2), 0.25)
        for scale in SCALES:
            np.testing.assert_array_equal(mean_interval(values, scale), np.full((3, 2), 0.25))
        np.testing.assert_array_equal(bootstrap_interval(values, rng()), np.full((3, 2), 0.25))
        np.testing.assert_array_equal(bootstrap_interval(values, rng(), np.std), np.zeros((3, 2)))

    def test_one_seed_has_a_mean_and_no_interval(self):
        for interval in (mean_interval([[0.5]]), bootstrap_interval([[0.5]], rng())):
            np.testing.assert_array_equal(np.squeeze(interval), [0.5, np.nan, np.nan])
        assert np.isnan(summarize([0.5]).std)

    def test_no_seed_has_neither_mean_nor_interval(self):
        for interval in (mean_interval([[np.nan], [np.nan]]), bootstrap_interval([[np.nan], [np.nan]], rng())):
            assert np.isnan(interval).all()

    def test_an_undefined_bootstrap_interval_is_nan_and_those_of_other_groups_are_not(self):
        # Without any one seed, the median of the first group is still 1.
        values = np.array([[1.0, 1], [1, 2], [1, 3], [5, 4]])
        interval = bootstrap_interval(values, rng(), np.median)
        np.testing.assert_array_equal(np.isnan(interval.low), [True, False])
        np.testing.assert_array_equal(interval.value, [1, 2.5])

    def test_a_missing_seed_changes_only_its_group_which_is_computed_from_the_other_seeds(self):
        values = rng().normal(size=(6, 3))
        holed = values.copy()
        holed[2, 1] = np.nan
        full, rest = mean_interval(values), mean_interval(holed)
        np.testing.assert_array_equal(np.array(full)[:, [0, 2]], np.array(rest)[:, [0, 2]])
        np.testing.assert_allclose(np.array(rest)[:, 1], mean_interval(np.delete(values[:, 1], 2)))
        bootstrapped = bootstrap_interval(holed, rng())
        assert np.isfinite(bootstrapped).all()
        assert bootstrapped.value[1] == pytest.approx(np.delete(values[:, 1], 2).mean())

    @pytest.mark.parametrize("confidence", [0, 1, 95])
    def test_a_confidence_outside_of_0_to_1_is_refused(self, confidence):
        with pytest.raises(ValueError, match=f"confidence: {confidence} given; allowed: between 0 and 1"):
            student_interval([1.0, 2.0], confidence)
