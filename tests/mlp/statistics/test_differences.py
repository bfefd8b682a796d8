"""Groups compared over seeds, held against hand arithmetic, SciPy and published values."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from mlp.statistics.differences import holm, paired_differences, probability_of_improvement, sign_flip_test

numbers = st.floats(-1000, 1000).map(lambda x: round(x, 3))
tables = st.tuples(st.integers(2, 8), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=numbers)
)


def rng(seed=0):
    return np.random.default_rng(seed)


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
                  [0.94, 0.97]]  # 0.03: mean 0.03, std 0.02  # fmt: skip
        result = paired_differences(values, [(0, 1)], rng())
        assert result.seeds == [3]
        assert result.difference == pytest.approx(0.03)
        assert (result.low[0], result.high[0]) == pytest.approx((0.01, 0.05))  # of fewer than five seeds, the ends
        # Student's interval, 0.03 ± 4.302653 x 0.02 / sqrt(3), includes 0.
        assert not result.differs
        assert result.p_value == result.p_adjusted == [2 / 8]
        # Of nine pairs, only 0.93 < 0.94 is no improvement.
        assert result.improvement == pytest.approx(8 / 9)

    @given(tables.filter(lambda table: len(table) >= 5))
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
