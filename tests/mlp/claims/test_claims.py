"""The measures of the claims, on networks with constructed curves; values against allowed ranges."""

from dataclasses import replace

import numpy as np
import pytest

from mlp.claims import (
    arpit,
    belkin,
    choromanska,
    estimate,
    holds,
    lesson,
    noise,
    pictures,
    regularization,
    sensitivity,
    shapes,
    zhang,
)
from mlp.claims.findings import (
    TrainedNetwork,
    censored_epochs,
    curves_over_seeds,
    final,
    lowest_final,
    over_seeds,
    select,
    values_of,
)
from mlp.data.randomness import generator
from mlp.data.sets import Dataset
from mlp.measures.memorization import gini, loss_sensitivity
from mlp.nn.descent import Descent, scaled
from mlp.nn.network import Network
from mlp.statistics.intervals import Estimate


def constructed(
    seed=0, rows=40, fraction=0.0, inputs="true", hidden=(4, 3), test=0.9, trained=True, **given
) -> TrainedNetwork:
    """A network on random images with given curves (accuracy=…, cost=…)."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(256, size=(rows, 64), dtype=np.uint8), rng.integers(10, size=rows).astype(np.uint8)
    accuracy = np.asarray(given.get("accuracy", [0.1, 0.5, 1.0]))
    cost = np.asarray(given.get("cost", 1 - accuracy))
    network = Network((64, *hidden, 10))
    return TrainedNetwork(
        network,
        Descent(epochs=2),
        Dataset("random", images, labels, images, labels, "none"),
        labels,
        seed,
        fraction,
        inputs,
        {
            "train/accuracy": accuracy,
            "test/accuracy": np.full(accuracy.shape, test),
            "train/cost": cost,
            "test/cost": np.asarray(given.get("test_cost", cost)),
        },
        lambda: network.initialize(generator(seed + 100 * trained, "start")),
    )


def line(epochs: int) -> np.ndarray:
    return np.linspace(0.1, 1, epochs + 1)


class TestBest:
    def test_each_recipe_has_its_parameters_and_its_accuracies_by_seed(self):
        raw = [constructed(seed, test=0.9 + seed / 100) for seed in (1, 0)]
        found = lesson.best(sigmoid=raw, raw=raw, deskewed=[constructed(5, test=0.98, hidden=(2,))]).quantities
        np.testing.assert_allclose(found["raw_accuracy"], [0.9, 0.91])
        np.testing.assert_array_equal(found["raw_parameters"], [65 * 4 + 5 * 3 + 4 * 10] * 2)
        np.testing.assert_array_equal(found["deskewed_parameters"], [65 * 2 + 3 * 10])
        np.testing.assert_allclose(found["deskewed_accuracy"], [0.98])
        np.testing.assert_allclose(found["deskewed_train"], [1.0])


class TestFindings:
    def test_networks_are_selected_by_their_attributes(self):
        nets = [constructed(seed, fraction=fraction) for fraction in (0, 1) for seed in (2, 1)]
        assert [net.seed for net in select(nets, fraction=1)] == [2, 1]
        assert values_of(nets, "seed") == [1, 2]

    def test_a_seed_that_diverged_is_nan_and_the_others_keep_their_places(self):
        nets = [constructed(0, test=0.5), constructed(2, test=0.7), constructed(1, fraction=1)]
        np.testing.assert_array_equal(over_seeds(nets, final("test/accuracy"), fraction=0), [0.5, np.nan, 0.7])

    def test_a_training_that_stopped_early_keeps_its_last_value(self):
        stopped, longer = (
            constructed(accuracy=[0.1, 0.8, np.nan, np.nan]),
            constructed(1, accuracy=[0.1, 0.2, 0.3, 0.4]),
        )
        assert stopped.final("train/accuracy") == 0.8
        curves = curves_over_seeds([stopped, longer], "train/accuracy")
        np.testing.assert_allclose(curves, [[0.1, 0.8, 0.8, 0.8], [0.1, 0.2, 0.3, 0.4]])

    def test_the_lowest_final_value_is_that_of_the_worst_network_of_each_seed(self):
        nets = [
            constructed(0, accuracy=[0, 0.9]),
            constructed(0, rows=50, accuracy=[0, 0.7]),
            constructed(1, accuracy=[0, 1]),
        ]
        np.testing.assert_array_equal(lowest_final(nets, "train/accuracy"), [0.7, 1])

    def test_a_network_that_never_fits_counts_with_its_last_epoch(self):
        assert censored_epochs(constructed(accuracy=[0.1, 0.5, 0.9])) == 2
        assert censored_epochs(constructed(accuracy=[0.1, 0.5, 0.9]), 0.5) == 1
        assert censored_epochs(constructed(accuracy=[0.1, 1.0])) == 1

    def test_the_start_of_a_network_is_that_of_its_seed(self):
        net = constructed(3)
        np.testing.assert_array_equal(net.start[0].weights, net.network.initialize(generator(3, "start"))[0].weights)


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


class TestZhang:
    def test_the_slow_down_is_the_ratio_of_the_epochs_for_each_seed(self):
        nets = [
            constructed(seed, fraction=fraction, accuracy=line(epochs))
            for seed, fraction, epochs in ((0, 0, 5), (0, 1, 20), (1, 0, 10), (1, 1, 15))
        ]
        np.testing.assert_allclose(zhang.slow_down(nets), [4, 1.5])

    def test_labels_are_not_fitted_if_the_accuracy_stays_below_one(self):
        wide = [
            constructed(seed, rows, fraction, accuracy=[0.1, 0.99 if (rows, fraction) == (60, 1) else 1], test=0.1)
            for seed in (0, 1) for rows in (40, 60) for fraction in (0, 1)
        ]  # fmt: skip
        found = zhang.labels(wide, [constructed(fraction=1, rows=80, accuracy=[0.1, 0.12])]).quantities
        np.testing.assert_allclose(found["fit_shuffled"], 0.99)
        np.testing.assert_allclose(found["fit_true"], 1)
        assert (found["images"], found["lesson_images"]) == (60, 80)
        assert np.isnan(found["slow_down_most"]).all()
        np.testing.assert_allclose(found["slow_down_fewest"], 1)

    def test_values_that_grow_with_p_have_rank_correlation_one(self):
        values = np.array([[1, 5], [2, 4], [30, 3]])
        np.testing.assert_allclose(zhang.rank_correlation([0, 0.5, 1], values), [1, -1])

    def test_constant_values_have_no_rank_correlation(self):
        assert np.isnan(zhang.rank_correlation([0, 1], np.zeros((2, 1)))).all()

    def test_noise_that_is_fitted_sooner_than_random_labels_gives_a_ratio_above_one(self):
        epochs = {"true": 4, "shuffled_pixels": 5, "random_pixels": 8, "gaussian": 10}
        inputs = [constructed(0, inputs=kind, accuracy=line(count)) for kind, count in epochs.items()]
        labels = [constructed(0, fraction=p, accuracy=line(4 + round(16 * p)), test=1 - 0.9 * p) for p in (0, 0.5, 1)]
        found = zhang.corruption(inputs, labels, labels, labels, [], labels, []).quantities
        assert found["slow_down_fashion"] == found["slow_down"]
        assert np.isnan(found["slow_down_kuzushiji"])
        assert found["labels_over_pixels"] == [20 / 8]
        assert found["slow_down"] == [5]
        assert found["error_random"] == pytest.approx(0.9)
        assert found["slower_with_p"] == found["error_with_p"] == [1]

    def test_a_regularizer_that_slows_only_memorizing_hinders_it_more(self):
        def nets(shuffled: list[float], test: float) -> list[TrainedNetwork]:
            return [
                constructed(0, fraction=0, accuracy=line(10), test=test),
                constructed(0, fraction=1, accuracy=shuffled, test=0.1),
            ]

        none, slower = nets(line(20), 0.9), nets(line(40), 0.93)
        never = nets(np.full(101, 0.5), 0.9)
        found = regularization.regularization(none, slower, none, never, slower).quantities
        assert found["decay_gain"] == pytest.approx([0.03])
        assert (found["decay_slow_true"], found["decay_slow_shuffled"]) == ([1], [2])
        assert found["decay_hinders"] == [2]
        assert found["shift_hinders"] == [1]
        assert found["dropout_over_decay"] == [1]
        assert found["both_slow_shuffled"] == [100 / 18]  # one that never gets there counts with all its epochs


class TestShapes:
    def test_a_straight_line_and_a_jump_have_different_shapes(self):
        jump = {"accuracy": [0.1] + 20 * [0.98] + [1.0], "cost": [2.0] + 21 * [0.1]}
        even = {"accuracy": line(50), "cost": np.linspace(2, 0, 51)}
        nets = [constructed(seed, fraction=p, **kind) for p, kind in ((1, even), (0, jump)) for seed in (0, 1)]
        found = shapes.curves(nets, nets, nets, nets).quantities
        assert found["accuracy_shuffled_early"] == pytest.approx([0.1, 0.1])
        assert found["accuracy_shuffled_line"] == pytest.approx([1, 1])
        assert (found["accuracy_true_early"] > 0.9).all()
        assert (found["accuracy_true_line"] < 0.3).all()
        np.testing.assert_array_equal(found["shuffled_line_99"], found["slow_shuffled_line"])

    def test_a_curve_is_measured_up_to_the_first_epoch_that_reaches_the_end_and_between_its_epochs(self):
        net = constructed(accuracy=[0.1, 0.5, 0.99, 1.0], cost=[2.0, 1.0, 0.0, 0.0])
        found = shapes.Course(np.array([0, 0.5, 1, 2, 3]), np.array([2.0, 1.5, 1.0, 0.0, 0.0]))
        assert shapes.shape_to(net, found, 0.99) == pytest.approx((0.1, 1))
        assert shapes.shape_to(net, found, 1.0).r_squared < 0.95
        never = constructed(accuracy=[0.1, 0.5])
        assert np.isnan(shapes.shape_to(never, found, 0.99)).all()

    def test_the_first_epoch_is_measured_between_its_steps(self):
        net = constructed(rows=100)
        found = shapes.course(net)
        assert (np.diff(found.epochs) > 0).all()
        np.testing.assert_allclose(found.epochs[:11], np.arange(11) / 10)
        cost = net.network.average_cost(net.start, scaled(net.data.train_images), net.given)
        assert found.costs[1] == pytest.approx(cost, rel=0.5)


class TestArpit:
    def test_growth_with_the_number_of_images_is_compared_between_noise_and_real_images(self):
        rows = [
            constructed(0, count, inputs=kind, accuracy=line(epochs))
            for kind, count, epochs in (("true", 20, 4), ("true", 40, 8), ("gaussian", 20, 5), ("gaussian", 40, 50))
        ]
        width = [
            constructed(0, hidden=(neurons,), inputs=kind, accuracy=line(epochs))
            for kind, neurons, epochs in (("true", 8, 8), ("true", 16, 4), ("gaussian", 8, 90), ("gaussian", 16, 30))
        ]
        found = arpit.capacity(width, rows).quantities
        assert found["exponent_real"] == pytest.approx([1])  # twice the epochs for twice the images
        assert found["exponent_noise"] == pytest.approx([np.log2(10)])
        assert found["rows_growth_ratio"] == [5]
        assert found["width_help_ratio"] == [1.5]

    def test_sensitivities_at_equal_fit_are_those_of_the_first_epoch_that_is_good_enough(self):
        assert sensitivity.fitted_gini(constructed(accuracy=[0.1, 0.5, 0.7, 0.9]), np.array([np.nan, 1, 2, 3])) == 2
        assert np.isnan(sensitivity.fitted_gini(constructed(accuracy=[0.1, 0.5]), np.array([np.nan, 1])))

    def test_images_whose_difficulty_depends_only_on_the_label_do_not_disperse_within_a_label(self):
        labels = np.repeat([0, 1], 500)
        wrong = np.random.default_rng(0).random((100, 1000)) < np.where(labels == 0, 0.3, 0.9)
        shares = wrong.mean(axis=0)
        assert arpit.difficulty_dispersion(shares, 100) > 10
        assert arpit.dispersion_within_labels(shares, labels, 100) == pytest.approx(1, abs=0.15)

    def test_the_sensitivity_has_a_gini_coefficient_after_each_epoch(self):
        net = constructed(rows=30)
        curve = sensitivity.sensitivity_gini(net)
        assert np.isnan(curve[0])
        assert len(curve) == net.descent.epochs + 1
        assert ((curve[1:] >= 0) & (curve[1:] < 1)).all()

    def test_if_the_parameters_do_not_change_neither_does_the_gini_coefficient(self, monkeypatch):
        net = constructed(rows=30)
        monkeypatch.setattr(sensitivity, "train", lambda *args: [args[-1](epoch, net.start) for epoch in (0, 1, 2)])
        expected = gini(loss_sensitivity(net.network, net.start, scaled(net.data.train_images), net.given))
        np.testing.assert_allclose(sensitivity.sensitivity_gini(net)[1:], expected)

    def test_with_tiny_steps_the_unrolled_gini_coefficient_is_that_of_the_direct_sensitivity(self):
        network = Network((64, 4, 10), "relu", "cross_entropy")
        net = replace(constructed(rows=30), network=network, descent=Descent(1e-9, epochs=2))
        direct = gini(loss_sensitivity(net.network, net.start, scaled(net.data.train_images), net.given))
        np.testing.assert_allclose(sensitivity.unrolled_gini(net), [np.nan, direct, direct], rtol=1e-4)

    def test_a_peak_before_the_wrong_labels_are_memorized_is_told_from_one_after(self):
        def net(p, test, memorized, seed=0):
            made = constructed(seed, fraction=p, accuracy=[0.1, 0.5, 0.6, 0.9])
            made.curves.update({"test/accuracy": np.array(test), "train/accuracy_memorized": np.array(memorized)})
            return made

        early = net(0.5, [0.1, 0.9, 0.8, 0.6], [0.1, 0.02, 0.4, 0.9])
        late = net(0.8, [0.1, 0.3, 0.35, 0.4], [0.1, 0.3, 0.6, 0.9])
        true = net(0, [0.1, 0.9, 0.95, 0.95], [np.nan] * 4)
        found = arpit.patterns_first([true, early, late]).quantities
        assert found["before"] == 0.5
        assert (found["peak_0.5"], found["peak_0.8"], found["peak_0"]) == ([1], [3], [2])
        assert found["lost_0.5"] == pytest.approx([0.3])
        assert (found["memorized_at_peak"], found["memorized_at_end"]) == ([0.9], [0.9])
        assert (found["lost_true"], found["lost_least"]) == ([0], [0])


class TestBelkin:
    @pytest.mark.parametrize(
        ("errors", "peak"),
        [
            ([0.5, 0.2, 0.3, 0.1], (2, 0.1, 0.2)),  # down, up, down
            ([0.5, 0.4, 0.3, 0.1], (0, 0, np.nan)),  # only down: no peak
            ([0.5, 0.2, 0.3, 0.4], (3, 0.2, 0)),  # no second descent
        ],
    )
    def test_a_peak_lies_between_two_descents(self, errors, peak):
        assert belkin.peak_of(np.array(errors)) == pytest.approx(peak, nan_ok=True)

    def test_the_peak_is_compared_with_the_number_of_equations(self):
        nets = [
            constructed(seed, fraction=p, hidden=(width,), accuracy=[0.1, fit], test=1 - error)
            for seed in (0, 1) for p in (0, 0.2)
            for width, fit, error in ((2, 0.6, 0.4), (4, 0.8, 0.3), (5, 1, 0.35 + p / 10), (20, 1, 0.2))
        ]  # fmt: skip
        found = belkin.double_descent(nets).quantities
        assert found["equations"] == 400
        assert found["noise_peak_width"] == found["noise_fits"] == 5
        assert found["noise_peak_parameters"] == (64 * 5 + 5 + 5 * 10 + 10) / 400
        np.testing.assert_allclose(found["noise_rise"], 0.07)
        np.testing.assert_allclose(found["noise_fall"], 0.17)
        np.testing.assert_allclose(found["true_gain"], 0.1)


class TestChoromanska:
    def test_a_spread_that_shrinks_with_the_width_is_found_to_shrink(self):
        rng = np.random.default_rng(0)
        nets = [
            constructed(
                seed, hidden=(width,), cost=[2, train := rng.normal(0.1, 1 / width)], test_cost=[2, train + noise]
            )
            for width in (25, 50, 100, 250, 500)
            for seed in range(30)
            for noise in [rng.normal(0.2, width / 500 / width)]
        ]
        found = choromanska.minima(nets).quantities
        assert found["spread_falls"] >= 3
        assert found["correlation_25"].value > 0.9
        assert found["correlation_falls"].value > 0.1
        assert found["correlation_falls"].low <= found["correlation_falls"].value <= found["correlation_falls"].high


class TestLesson:
    def test_an_untrained_network_keeps_its_gradient_and_its_confidence(self):
        untrained = [constructed(seed, trained=False, hidden=(6, 6)) for seed in (0, 1)]
        assert lesson.gradient(untrained).quantities["slope_left"] == pytest.approx([1, 1])
        narrow = constructed(trained=False, hidden=(16,))
        found = noise.noise(*[untrained] * 4, [*untrained, narrow], untrained).quantities
        assert found["uniform_gain"] == pytest.approx([0, 0])
        np.testing.assert_allclose(found["uniform_confidence"], found["uniform_untrained"])

    def test_the_largest_components_have_the_greatest_effect_and_their_signs_say_up_or_down(self):
        nets = [constructed(seed, hidden=(16, 16)) for seed in range(3)]
        found = lesson.gradient(nets).quantities
        assert (found["before_top_over_random"] > 2).all()
        np.testing.assert_array_equal(found["before_signs"], 1)

    def test_the_lessons_image_is_the_one_that_numpys_old_generator_draws(self):
        state = np.random.RandomState(4)
        pixels = noise.lessons_image(constructed())[0]
        np.testing.assert_allclose(pixels[:3], [state.random_sample() for _ in range(3)], rtol=1e-6)

    def test_the_nudge_at_1_1_is_minus_3_minus_1(self):
        found = lesson.gradient([constructed()]).quantities
        assert (found["nudge_x"], found["nudge_y"]) == (-3, -1)
        assert found["shorter_steps"] == 1

    def test_the_worked_example_costs_3_3585(self):
        found = lesson.parameters([constructed()]).quantities
        assert found["worked_example"] == pytest.approx(3.3585, abs=5e-5)
        assert found["parameters"] == [64 * 4 + 4 + 4 * 3 + 3 + 3 * 10 + 10]

    def test_random_weights_do_not_resemble_their_neighbours(self):
        nets = [constructed(seed) for seed in range(3)]
        found = pictures.weights(nets, nets, nets).quantities
        assert np.abs(found["lesson_untrained"]).max() < found["noise_limit"]

    def test_weights_are_drawn_with_their_sign_and_a_power_of_their_size(self):
        shown = pictures.drawn(np.array([[-1.0], [0.5], [0.0], [2.0]]))
        np.testing.assert_allclose(shown[0].ravel(), [-1, 0.5**0.3, 0, 2**0.3])
