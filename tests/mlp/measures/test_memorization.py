"""Measures of memorization, compared with hand arithmetic, central differences and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.datasets import load_digits

from mlp.measures.memorization import (
    GREY_LEVEL,
    break_point,
    critical_samples,
    curve_shape,
    difficulty_dispersion,
    epochs_to,
    equal_difficulty,
    example_difficulty,
    gini,
    input_gradient,
    loss_sensitivity,
    redraw_plateau,
)
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.descent import CellJob, Descent, train
from mlp.nn.network import Layer, Network, central_differences

# Answers 0 if the first of two inputs is the larger one, else 1.
WHICH_IS_LARGER = Network((2, 2)), [Layer(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))]


def rng(seed=0):
    return np.random.default_rng(seed)


class TestInputGradient:
    @pytest.mark.parametrize("cost", COSTS)
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_it_agrees_with_central_differences(self, activation, cost):
        network = Network((5, 4, 4, 3), activation, cost)
        parameters = [Layer(*(array.astype(np.float64) for array in layer)) for layer in network.initialize(rng())]
        images, labels = rng(1).random((6, 5)), np.array([0, 1, 2, 2, 1, 0])
        for image, label, slopes in zip(
            images, labels, input_gradient(network, parameters, images, labels), strict=True
        ):
            expected = central_differences(lambda x, y=label: network.average_cost(parameters, x[None], [y]), image)
            np.testing.assert_allclose(slopes, expected, atol=1e-8)

    def test_one_input_and_one_output_by_hand(self):
        # z = 2 * 0.5 - 1 = 0, a = 1/2, cost (a - 1)^2, dC/dx = 2 (a - 1) a (1 - a) w = 2 (-1/2) (1/4) 2 = -1/2.
        network, parameters = Network((1, 1)), [Layer(np.array([[2.0]]), np.array([-1.0]))]
        image = np.array([[0.5]])
        assert input_gradient(network, parameters, image, [0]) == [[-0.5]]
        assert loss_sensitivity(network, parameters, image, [0]) == [0.5]

    def test_the_sensitivity_is_the_sum_of_the_absolute_slopes(self):
        network = Network((4, 3, 2))
        parameters, images = network.initialize(rng()), rng(1).random((5, 4), dtype=np.float32)
        slopes = input_gradient(network, parameters, images, [0, 1, 0, 1, 0])
        assert (slopes > 0).any()
        assert (slopes < 0).any()
        expected = [sum(abs(slope) for slope in row) for row in slopes]
        np.testing.assert_allclose(loss_sensitivity(network, parameters, images, [0, 1, 0, 1, 0]), expected, rtol=1e-6)


class TestGini:
    def test_it_is_zero_for_equal_values_and_largest_if_all_but_one_are_zero(self):
        assert gini([3.0, 3, 3, 3]) == 0
        assert gini([0.0, 0, 0, 7]) == 0.75
        assert gini([0.0, 0, 0]) == 0

    def test_one_to_five_by_hand(self):
        # (-4*1 - 2*2 + 0*3 + 2*4 + 4*5) / (5 * 15) = 20 / 75
        assert gini([5.0, 1, 4, 2, 3]) == pytest.approx(4 / 15)

    @given(arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 100)))
    def test_it_is_half_the_mean_difference_of_all_pairs_over_the_mean(self, values):
        values = values + 0.1
        expected = np.abs(values[:, None] - values).mean() / (2 * values.mean())
        assert gini(values) == pytest.approx(expected, abs=1e-12)

    def test_columns_are_measured_separately(self):
        np.testing.assert_allclose(gini([[1.0, 0], [1, 0], [1, 3]]), [0, 2 / 3])

    def test_it_is_one_half_for_an_exponential_distribution(self):
        assert gini(rng().exponential(size=100_000)) == pytest.approx(0.5, abs=0.005)

    def test_negative_values_are_refused(self):
        with pytest.raises(ValueError, match="values: -1 given; allowed: 0 or more"):
            gini([1.0, -1])


class TestDifficulty:
    def test_three_networks_and_four_examples_by_hand(self):
        predicted = np.array([[7, 2, 1, 0], [7, 2, 2, 0], [7, 3, 3, 1]])
        np.testing.assert_allclose(example_difficulty(predicted, [7, 2, 4, 1]), [0, 1 / 3, 1, 2 / 3])

    def test_equally_difficult_examples_match_the_binomial_reference(self):
        wrong = rng().random((100, 1000)) < 0.3
        difficulty = example_difficulty(wrong.astype(int), np.zeros(1000, int))
        reference = equal_difficulty(difficulty, 100)
        np.testing.assert_allclose(np.sort(difficulty), reference, atol=0.04)
        assert difficulty_dispersion(difficulty, 100) == pytest.approx(1, abs=0.15)

    def test_the_reference_has_the_mean_and_the_variance_of_a_binomial(self):
        reference = equal_difficulty(np.full(2000, 0.2), 50)
        assert (np.diff(reference) >= 0).all()
        assert reference.mean() == pytest.approx(0.2, abs=1e-3)
        assert reference.var() == pytest.approx(stats.binom.var(50, 0.2) / 50**2, rel=0.02)

    def test_the_dispersion_is_largest_if_all_networks_agree_on_every_example(self):
        assert difficulty_dispersion(np.array([0, 0, 1, 1, 1.0]), 40) == pytest.approx(40)

    def test_the_dispersion_is_undefined_if_all_answers_are_right(self):
        assert np.isnan(difficulty_dispersion(np.zeros(5), 40))

    def test_real_digits_disperse_more_than_noise(self):
        digits, labels = load_digits(return_X_y=True)
        digits, labels = (digits[:400] * (255 / 16)).astype(np.uint8), labels[:400]
        noise = np.clip(rng().normal(digits.mean(), digits.std(), digits.shape), 0, 255).astype(np.uint8)
        network = Network((64, 32, 10), "relu", "cross_entropy")
        descent = Descent(learning_rate=0.3, epochs=1)

        def dispersion(images):
            jobs = [CellJob(network.initialize(rng(i)), labels, descent, rng(i)) for i in range(30)]
            trained = [train(network, job, images) for job in jobs]
            pixels = images / np.float32(255)
            predicted = np.array([network.answers(parameters, pixels).argmax(axis=1) for parameters in trained])
            return difficulty_dispersion(example_difficulty(predicted, labels), 30)

        assert dispersion(digits) > 2 * dispersion(noise)


class TestCriticalSamples:
    @pytest.mark.parametrize("radius", [0.3 * GREY_LEVEL, 5 * GREY_LEVEL])
    def test_it_finds_exactly_the_points_whose_box_crosses_the_decision_boundary(self, radius):
        # Two inputs that change by up to r each can reverse a difference below 2r.
        network, parameters = WHICH_IS_LARGER
        gaps = np.float32(radius) * np.array([-2.2, -1.8, -0.5, 0.5, 1.8, 2.2], np.float32)
        points = 0.5 + np.stack([gaps, np.zeros_like(gaps)], axis=1)
        found = critical_samples(network, parameters, points, rng(), radius)
        np.testing.assert_array_equal(found, [False, True, True, True, True, False])

    def test_the_random_part_of_the_steps_finds_critical_samples_where_the_gradient_is_zero(self):
        # The hidden neuron is inactive until the input is one grey level higher, so the gradient is zero; beyond that
        # the second answer wins.
        hidden = Layer(np.array([[1000.0]], np.float32), np.array([-1000 * (0.5 + GREY_LEVEL)], np.float32))
        output = Layer(np.array([[0.0, 10]], np.float32), np.array([1.0, 0], np.float32))
        network, parameters, points = Network((1, 1, 2), "relu"), [hidden, output], np.full((200, 1), 0.5, np.float32)
        assert (input_gradient(network, parameters, points, [0] * 200) == 0).all()
        # A random walk of 100 steps of 0.2 grey levels reaches +1 with a probability of about 0.6.
        assert critical_samples(network, parameters, points, rng(), 2 * GREY_LEVEL).mean() > 0.5
        assert not critical_samples(network, parameters, points, rng(), 0.9 * GREY_LEVEL).any()

    def test_the_images_are_not_modified(self):
        network, parameters = WHICH_IS_LARGER
        points = np.full((3, 2), 0.5, np.float32)
        critical_samples(network, parameters, points, rng())
        assert (points == 0.5).all()

    def test_a_larger_radius_and_more_iterations_find_more(self):
        network = Network((30, 8, 10), "tanh", "cross_entropy")
        parameters, images = network.initialize(rng()), rng(1).random((300, 30), dtype=np.float32)
        shares = [critical_samples(network, parameters, images, rng(), r * GREY_LEVEL).mean() for r in (1, 3, 10)]
        assert 0 < shares[0] < shares[1] < shares[2] < 1
        assert critical_samples(network, parameters, images, rng(), 10 * GREY_LEVEL, iterations=5).mean() < shares[2]


class TestEpochsTo:
    def test_it_is_the_first_epoch_at_or_above_the_threshold_and_0_is_the_start(self):
        curves = np.array([[0.1, 0.9, 0.1], [0.8, 0.5, 0.2], [0.7, 0.9, 0.3], [0.9, 0.9, np.nan]])
        np.testing.assert_array_equal(epochs_to(curves, 0.8), [1, 0, np.nan])
        assert epochs_to(curves[:, 0], 0.85) == 3


class TestRedrawPlateau:
    def test_it_falls_from_one_to_chance(self):
        assert redraw_plateau(0) == 1
        assert redraw_plateau(0.5) == pytest.approx(0.55)
        assert redraw_plateau(1) == pytest.approx(0.1)
        assert redraw_plateau(1, classes=2) == 0.5

    def test_it_is_the_share_of_redrawn_labels_that_are_right(self):
        labels = rng().integers(0, 10, 100_000)
        given = np.where(rng(1).random(100_000) < 0.7, rng(2).integers(0, 10, 100_000), labels)
        assert (given == labels).mean() == pytest.approx(redraw_plateau(0.7), abs=0.005)

    def test_a_fraction_above_1_is_refused(self):
        with pytest.raises(ValueError, match=r"fraction: 1\.5 given; allowed: 0 to 1"):
            redraw_plateau(1.5)


class TestCurveShape:
    @given(st.integers(3, 60), st.floats(-5, 5).filter(lambda slope: abs(slope) > 0.01))
    def test_a_straight_line_makes_a_tenth_of_its_change_in_a_tenth_of_the_epochs(self, epochs, slope):
        shape = curve_shape(2 + slope * np.arange(epochs + 1))
        assert shape.early_share == pytest.approx(0.1)
        assert shape.r_squared == pytest.approx(1)

    def test_a_fast_drop_is_early_and_not_linear(self):
        shape = curve_shape(np.exp(-np.arange(51)))
        assert shape.early_share == pytest.approx(1 - np.exp(-5), abs=1e-6)
        assert shape.r_squared < 0.25

    def test_a_rising_curve_has_the_shape_of_the_falling_curve_that_mirrors_it(self):
        drop = 0.9 ** np.arange(31)
        assert curve_shape(1 - drop) == pytest.approx(curve_shape(drop))

    @given(arrays(np.float64, st.integers(3, 20), elements=st.floats(-10, 10).map(lambda x: round(x, 2)), unique=True))
    def test_r_squared_is_that_of_scipys_linear_regression(self, curve):
        expected = stats.linregress(np.arange(len(curve)), curve).rvalue ** 2
        assert curve_shape(curve).r_squared == pytest.approx(expected, abs=1e-12)

    def test_by_hand_between_epochs(self):
        # A tenth of 5 epochs is epoch 0.5: half of the first step of 4, out of 8. Around the means 2.5 and 6 the sum of
        # products is 25, and the sums of squares are 17.5 and 40: R^2 = 25^2 / 700.
        shape = curve_shape([1.0, 5, 6, 7, 8, 9])
        assert shape.early_share == 0.25
        assert shape.r_squared == pytest.approx(625 / 700)

    def test_a_training_that_stopped_early_is_measured_to_its_end(self):
        curve = np.sqrt(np.arange(11))
        assert curve_shape([*curve, np.nan, np.nan, np.nan]) == curve_shape(curve)

    def test_a_constant_curve_has_no_shape_and_one_that_returns_no_early_share(self):
        for curve in ([0.5, 0.5, 0.5], [0.5, np.nan], [np.nan, np.nan]):
            assert np.isnan(curve_shape(curve)).all()
        returning = curve_shape([0.0, 1, 0])
        assert np.isnan(returning.early_share)
        assert returning.r_squared == pytest.approx(0)


class TestBreakPoint:
    def test_it_is_where_the_line_between_two_fractions_crosses_half_of_what_was_learned(self):
        # From 0.9 to chance 0.1 the middle is 0.5, which lies between 0.7 at 0.5 and 0.3 at 1.
        assert break_point([0, 0.5, 1], [0.9, 0.7, 0.3], 0.1) == pytest.approx(0.75)
        assert break_point([0, 0.5, 1], [0.9, 0.5, 0.6], 0.1) == pytest.approx(0.5)

    def test_a_line_from_all_to_nothing_breaks_in_the_middle(self):
        fractions = np.linspace(0, 1, 7)
        assert break_point(fractions, 0.9 - 0.8 * fractions, 0.1) == pytest.approx(0.5)

    @pytest.mark.parametrize("accuracy", [[0.9, 0.8, 0.7], [0.1, 0.1, 0.05]])
    def test_what_loses_less_or_never_learned_has_none(self, accuracy):
        assert np.isnan(break_point([0, 0.5, 1], accuracy, 0.1))
