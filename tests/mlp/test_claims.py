"""The measures of the claims find what was put into made-up trainings, and verdicts follow from numbers alone."""

import numpy as np
import pytest

from mlp.claims import arpit, choromanska, estimate, lesson, lies_within, zhang
from mlp.claims.findings import Run, curves, final, over_seeds, values_of, where, worst
from mlp.data import Dataset
from mlp.descent import Descent, scaled
from mlp.memorization import gini, loss_sensitivity
from mlp.network import Network
from mlp.randomness import generator
from mlp.statistics import Estimate


def made_up(seed=0, rows=40, fraction=0.0, inputs="true", hidden=(4, 3), test=0.9, trained=True, **shown) -> Run:
    """A network on random images, with the curves that a test gives it (accuracy=…, cost=…)."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(256, size=(rows, 64), dtype=np.uint8), rng.integers(10, size=rows).astype(np.uint8)
    accuracy = np.asarray(shown.get("accuracy", [0.1, 0.5, 1.0]))
    cost = np.asarray(shown.get("cost", 1 - accuracy))
    network = Network((64, *hidden, 10))
    return Run(
        network,
        Descent(epochs=2),
        Dataset("made up", images, labels, images, labels, "none"),
        labels,
        seed,
        fraction,
        inputs,
        {
            "train/accuracy": accuracy,
            "test/accuracy": np.full(accuracy.shape, test),
            "train/cost": cost,
            "test/cost": np.asarray(shown.get("test_cost", cost)),
        },
        lambda: network.initialize(generator(seed + 100 * trained, "start")),
    )


def line(epochs: int) -> np.ndarray:
    return np.linspace(0.1, 1, epochs + 1)


class TestFindings:
    def test_runs_are_chosen_by_their_attributes(self):
        runs = [made_up(seed, fraction=fraction) for fraction in (0, 1) for seed in (2, 1)]
        assert [run.seed for run in where(runs, fraction=1)] == [2, 1]
        assert values_of(runs, "seed") == [1, 2]

    def test_a_seed_that_diverged_is_missing_and_moves_no_other(self):
        runs = [made_up(0, test=0.5), made_up(2, test=0.7), made_up(1, fraction=1)]
        np.testing.assert_array_equal(over_seeds(runs, final("test/accuracy"), fraction=0), [0.5, np.nan, 0.7])

    def test_the_end_of_an_early_training_is_its_last_value(self):
        run = made_up(accuracy=[0.1, 0.8, np.nan, np.nan])
        assert run.final("train/accuracy") == 0.8
        longer = made_up(1, accuracy=[0.1, 0.2, 0.3, 0.4])
        np.testing.assert_allclose(
            curves([run, longer], "train/accuracy"), [[0.1, 0.8, 0.8, 0.8], [0.1, 0.2, 0.3, 0.4]]
        )

    def test_the_worst_network_of_each_seed_counts(self):
        runs = [made_up(0, accuracy=[0, 0.9]), made_up(0, rows=50, accuracy=[0, 0.7]), made_up(1, accuracy=[0, 1])]
        np.testing.assert_array_equal(worst(runs, "train/accuracy"), [0.7, 1])

    def test_the_start_of_a_network_is_that_of_its_seed(self):
        run = made_up(3)
        np.testing.assert_array_equal(run.start[0].weights, run.network.initialize(generator(3, "start"))[0].weights)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("value", "at_least", "at_most", "holds"),
        [
            (0.95, 0.945, None, True),
            (0.94, 0.945, None, False),
            (0.1, 0.08, 0.12, True),
            (0.13, 0.08, 0.12, False),
            (13002, 13002, 13002, True),
            (0.3 - 0.2, 0.1, None, True),  # but for rounding
            (np.nan, 0, None, False),
            (np.inf, 0, None, False),
        ],
    )
    def test_a_mean_holds_if_it_lies_in_the_range(self, value, at_least, at_most, holds):
        assert lies_within(estimate(np.array([value, value])), at_least, at_most) is holds

    def test_a_single_number_has_no_interval(self):
        measured = estimate(3.3585)
        assert measured.value == 3.3585
        assert np.isnan(measured.low)

    def test_an_estimate_stays_as_it_is(self):
        given = Estimate(np.array(0.5), np.array(0.4), np.array(0.7))
        assert estimate(given) is given


class TestZhang:
    def test_the_slow_down_is_the_ratio_of_the_epochs_seed_by_seed(self):
        runs = [
            made_up(seed, fraction=fraction, accuracy=line(epochs))
            for seed, fraction, epochs in ((0, 0, 5), (0, 1, 20), (1, 0, 10), (1, 1, 15))
        ]
        np.testing.assert_allclose(zhang.slow_down(runs), [4, 1.5])

    def test_labels_are_not_fitted_where_the_accuracy_stays_short(self):
        wide = [
            made_up(seed, rows, fraction, accuracy=[0.1, 0.99 if (rows, fraction) == (60, 1) else 1], test=0.1)
            for seed in (0, 1) for rows in (40, 60) for fraction in (0, 1)
        ]  # fmt: skip
        found = zhang.labels(wide, [made_up(fraction=1, rows=80, accuracy=[0.1, 0.12])]).quantities
        np.testing.assert_allclose(found["fit_shuffled"], 0.99)
        np.testing.assert_allclose(found["fit_true"], 1)
        assert (found["images"], found["lesson_images"]) == (60, 80)
        assert np.isnan(found["slow_down_most"]).all()
        np.testing.assert_allclose(found["slow_down_fewest"], 1)

    def test_a_straight_climb_and_a_jump_are_told_apart(self):
        runs = [made_up(0, fraction=1, accuracy=line(50)), made_up(0, fraction=0, accuracy=[0.1] + 20 * [0.98] + [1.0])]
        found = zhang.shapes(runs).quantities
        assert found["shuffled_early"] == pytest.approx(0.1)
        assert found["shuffled_line"] == pytest.approx(1)
        assert found["true_early"] > 0.9
        assert found["true_line"] < 0.3

    def test_what_grows_with_p_has_rank_correlation_one(self):
        values = np.array([[1, 5], [2, 4], [30, 3]])
        np.testing.assert_allclose(zhang.rank_correlation([0, 0.5, 1], values), [1, -1])

    def test_what_does_not_vary_has_no_rank_correlation(self):
        assert np.isnan(zhang.rank_correlation([0, 1], np.zeros((2, 1)))).all()

    def test_noise_that_is_fitted_sooner_shows_in_the_ratio(self):
        epochs = {"true": 4, "shuffled_pixels": 5, "random_pixels": 8, "gaussian": 10}
        inputs = [made_up(0, inputs=kind, accuracy=line(count)) for kind, count in epochs.items()]
        labels = [made_up(0, fraction=p, accuracy=line(4 + round(16 * p)), test=1 - 0.9 * p) for p in (0, 0.5, 1)]
        found = zhang.corruption(inputs, labels).quantities
        assert found["labels_over_pixels"] == [20 / 8]
        assert found["slow_down"] == [5]
        assert found["error_random"] == pytest.approx(0.9)
        assert found["slower_with_p"] == found["error_with_p"] == [1]


class TestArpit:
    def test_growth_with_the_images_is_compared_between_noise_and_data(self):
        rows = [
            made_up(0, count, inputs=kind, accuracy=line(epochs))
            for kind, count, epochs in (("true", 20, 4), ("true", 40, 8), ("gaussian", 20, 5), ("gaussian", 40, 50))
        ]
        width = [
            made_up(0, hidden=(neurons,), inputs=kind, accuracy=line(epochs))
            for kind, neurons, epochs in (("true", 8, 8), ("true", 16, 4), ("gaussian", 8, 90), ("gaussian", 16, 30))
        ]
        found = arpit.capacity(width, rows).quantities
        assert found["rows_growth_ratio"] == [5]
        assert found["width_help_ratio"] == [1.5]

    def test_images_that_differ_by_their_label_alone_are_alike_within_it(self):
        labels = np.repeat([0, 1], 500)
        wrong = np.random.default_rng(0).random((100, 1000)) < np.where(labels == 0, 0.3, 0.9)
        shares = wrong.mean(axis=0)
        assert arpit.difficulty_dispersion(shares, 100) > 10
        assert arpit.within_labels(shares, labels, 100) == pytest.approx(1, abs=0.15)

    def test_the_course_of_the_sensitivity_is_that_of_the_averages_over_epochs(self):
        run = made_up(rows=30)
        course = arpit.sensitivity_course(run)
        assert np.isnan(course[0])
        assert len(course) == run.descent.epochs + 1
        assert ((course[1:] >= 0) & (course[1:] < 1)).all()

    def test_without_training_the_course_is_the_gini_of_the_start(self, monkeypatch):
        run = made_up(rows=30)
        still = lambda *args: [args[-1](epoch, run.start) for epoch in (0, 1, 2)]  # noqa: E731
        monkeypatch.setattr(arpit, "train", still)
        expected = gini(loss_sensitivity(run.network, run.start, scaled(run.data.train_images), run.given))
        np.testing.assert_allclose(arpit.sensitivity_course(run)[1:], expected)


class TestChoromanska:
    def test_a_spread_that_shrinks_at_every_width_falls_four_times(self):
        rng = np.random.default_rng(0)
        runs = [
            made_up(seed, hidden=(width,), cost=[2, train := rng.normal(0.1, 1 / width)], test_cost=[2, train + noise])
            for width in (25, 50, 100, 250, 500)
            for seed in range(30)
            for noise in [rng.normal(0.2, width / 500 / width)]
        ]
        found = choromanska.minima(runs).quantities
        assert found["spread_falls"] >= 3
        assert found["correlation_25"].value > 0.9
        assert found["correlation_falls"] > 0.1


class TestLesson:
    def test_a_network_that_did_not_move_lost_no_slope_and_gained_no_confidence(self):
        still = [made_up(seed, trained=False, hidden=(6, 6)) for seed in (0, 1)]
        assert lesson.gradient(still).quantities["slope_left"] == pytest.approx([1, 1])
        found = lesson.noise(still, still).quantities
        assert found["uniform_gain"] == pytest.approx([0, 0])
        np.testing.assert_allclose(found["uniform_confidence"], found["uniform_untrained"])

    def test_the_nudge_at_one_one_is_minus_three_minus_one(self):
        found = lesson.gradient([made_up()]).quantities
        assert (found["nudge_x"], found["nudge_y"]) == (-3, -1)
        assert found["shorter_steps"] == 1

    def test_the_worked_example_costs_what_it_says(self):
        found = lesson.parameters([made_up()]).quantities
        assert found["worked_example"] == pytest.approx(3.3585, abs=5e-5)
        assert found["parameters"] == [64 * 4 + 4 + 4 * 3 + 3 + 3 * 10 + 10]

    def test_random_weights_do_not_resemble_their_neighbours(self):
        found = lesson.weights([made_up(seed) for seed in range(3)]).quantities
        assert np.abs(found["random"]).max() < found["noise_limit"]
