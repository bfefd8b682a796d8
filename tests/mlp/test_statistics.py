"""Statistics over seeds, compared with hand arithmetic, SciPy and published values."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from mlp.statistics import (
    bootstrap_interval,
    holm,
    interquartile_mean,
    mean_interval,
    paired_differences,
    probability_of_improvement,
    sign_flip_test,
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


class TestIntervals:
    @given(tables, st.sampled_from([0.8, 0.95, 0.99]))
    def test_the_t_interval_is_that_of_scipys_t_test(self, values, confidence):
        values = values + np.linspace(0, 1, len(values))[:, None] ** 3  # never all equal
        theirs = stats.ttest_1samp(values, 0, axis=0).confidence_interval(confidence)
        ours = mean_interval(values, confidence)
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
        np.testing.assert_array_equal(mean_interval(values), np.full((3, 2), 0.25))
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
            mean_interval([1.0, 2.0], confidence)


class TestPairs:
    def test_five_seeds_that_all_improve_have_a_p_value_of_one_sixteenth(self):
        # Of 32 sign patterns, only all-plus and all-minus are as far from zero: 2 / 32.
        assert sign_flip_test([1.0, 2, 3, 4, 5], rng()) == 2 / 32
        assert sign_flip_test([0.1, 0.1, 0.1, 0.1, 0.1], rng()) == 2 / 32

    @given(arrays(np.float64, st.integers(2, 7), elements=st.integers(-9, 9).map(float)))
    def test_the_sign_flip_test_counts_all_sign_patterns(self, differences):
        # Whole numbers, so that equal sums are equal.
        flipped = [abs(np.dot(signs, differences)) for signs in product((1, -1), repeat=len(differences))]
        expected = np.mean([total >= abs(differences.sum()) for total in flipped])
        assert sign_flip_test(differences, rng()) == pytest.approx(expected)

    def test_with_many_seeds_the_sign_flip_test_is_close_to_the_t_test(self):
        differences = rng().normal(0.3, 1, (60, 3))
        ours = sign_flip_test(differences, rng(1))
        theirs = stats.ttest_1samp(differences, 0, axis=0).pvalue
        np.testing.assert_allclose(ours, theirs, atol=0.02)

    def test_without_a_difference_one_in_twenty_tests_is_a_false_positive(self):
        p_values = sign_flip_test(rng().normal(size=(8, 2000)), rng())
        assert (p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.015)

    def test_two_groups_of_three_seeds_by_hand(self):
        #         baseline  other  difference
        values = [[0.90, 0.95],  # 0.05
                  [0.92, 0.93],  # 0.01
                  [0.94, 0.97]]  # 0.03: mean 0.03, std 0.02, t(0.975, 2) = 4.302653  # fmt: skip
        result = paired_differences(values, [(0, 1)], rng())
        half = 4.302653 * 0.02 / np.sqrt(3)
        assert result.seeds == [3]
        assert result.difference == pytest.approx(0.03)
        assert (result.low[0], result.high[0]) == pytest.approx((0.03 - half, 0.03 + half), rel=1e-6)
        assert result.p_value == result.p_adjusted == [2 / 8]
        # Of nine pairs, only 0.93 < 0.94 is no improvement.
        assert result.improvement == pytest.approx(8 / 9)

    @given(tables)
    def test_the_difference_and_its_interval_are_those_of_the_paired_t_test(self, values):
        values = np.column_stack([values[:, 0], values[:, 0] + np.arange(len(values)) ** 2])
        theirs = stats.ttest_rel(values[:, 1], values[:, 0]).confidence_interval()
        ours = paired_differences(values, [(0, 1)], rng())
        np.testing.assert_allclose([ours.low[0], ours.high[0]], theirs, atol=1e-9, rtol=1e-9)

    def test_swapping_a_pair_changes_the_signs(self):
        values = rng().normal(size=(6, 2))
        there, back = paired_differences(values, [(0, 1)], rng()), paired_differences(values, [(1, 0)], rng())
        assert there.difference == -back.difference
        assert there.low == -back.high
        assert there.p_value == back.p_value
        assert there.improvement == pytest.approx(1 - back.improvement)

    def test_only_seeds_that_both_groups_have_are_compared(self):
        values = np.array([[1.0, 2], [2, np.nan], [np.nan, 100], [3, 5], [4, 5]])
        whole, holed = (
            paired_differences(values[[0, 3, 4]], [(0, 1)], rng()),
            paired_differences(values, [(0, 1)], rng()),
        )
        assert holed.seeds == [3]
        for field in ("difference", "low", "high", "p_value", "improvement"):
            np.testing.assert_array_equal(getattr(holed, field), getattr(whole, field))

    def test_a_group_does_not_differ_from_itself(self):
        result = paired_differences(rng().normal(size=(5, 1)), [(0, 0)], rng())
        assert (result.difference, result.low, result.high) == (0, 0, 0)
        assert result.p_value == 1
        assert result.improvement == 0.5

    def test_no_or_one_common_seed_gives_no_test(self):
        values = np.array([[1.0, 2, np.nan], [np.nan, 3, 4]])
        result = paired_differences(values, [(0, 1), (0, 2)], rng())
        np.testing.assert_array_equal(result.seeds, [1, 0])
        np.testing.assert_array_equal(result.difference, [1, np.nan])
        assert np.isnan([result.p_value, result.p_adjusted, result.low]).all()
        np.testing.assert_array_equal(result.improvement, [1, np.nan])

    def test_no_pairs_give_an_empty_result(self):
        assert paired_differences(np.ones((3, 2)), [], rng()).p_adjusted.size == 0

    def test_the_p_values_of_ten_pairs_are_corrected_for_ten_tests(self):
        result = paired_differences(rng().normal(size=(10, 5)), list(combinations(range(5), 2)), rng())
        np.testing.assert_array_equal(result.p_adjusted, holm(result.p_value))
        assert result.p_adjusted.min() == pytest.approx(min(1, 10 * result.p_value.min()))

    def test_an_array_of_three_axes_is_refused(self):
        with pytest.raises(ValueError, match=r"values: shape \(2, 3, 4\) given; allowed: \(seeds, groups\)"):
            paired_differences(np.ones((2, 3, 4)), [(0, 1)], rng())


class TestImprovement:
    def test_it_is_that_of_rliables_own_test(self):
        x, y = np.array([[1, 2], [2, 2], [1, 1], [2, 1]]), np.array([[1, 1], [2, 2], [3, 3]])
        assert probability_of_improvement(y, x).mean() == pytest.approx(1 / 3)

    @given(tables, tables)
    def test_it_is_mann_and_whitneys_u(self, first, second):
        first, second = np.round(first[:, 0], -2), np.round(second[:, 0], -2)  # with ties
        expected = stats.mannwhitneyu(second, first, method="asymptotic" if np.ptp([*first, *second]) else "exact")
        result = probability_of_improvement(first, second)
        assert result == pytest.approx(expected.statistic / (len(first) * len(second)))


class TestHolm:
    def test_a_worked_example(self):
        # 0.01 x 4, then 0.02 x 3, then 0.03 x 2 which may not fall below, then 0.04 x 1 likewise.
        np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
        np.testing.assert_allclose(holm([0.01, 0.5, 0.9]), [0.03, 1, 1])

    def test_nan_does_not_count_as_a_test(self):
        np.testing.assert_allclose(holm([np.nan, 0.01, 0.04]), [np.nan, 0.02, 0.04])

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_it_is_the_step_down_rule(self, p_values):
        # Holm's rule: at each level reject the smallest p-values while p(i) <= level / (tests - i).
        adjusted = holm(p_values)
        ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
        worst = 0.0
        for place, i in enumerate(ranked):
            worst = max(worst, p_values[i] * (len(p_values) - place))
            assert adjusted[i] == pytest.approx(min(worst, 1))

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_it_lies_between_no_correction_and_bonferronis_correction(self, p_values):
        adjusted = holm(p_values)
        assert (adjusted >= p_values).all()
        assert (adjusted <= np.minimum(np.array(p_values) * len(p_values), 1) + 1e-12).all()
