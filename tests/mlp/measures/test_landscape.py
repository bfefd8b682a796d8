"""The cost surface and the weight images, compared with hand arithmetic, brute force and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from mlp.measures.landscape import (
    barrier,
    components_needed,
    correlation_difference,
    cumulative_share,
    loss_correlation,
    loss_spread,
    noise_autocorrelation,
    random_direction,
    slice_costs,
    spatial_autocorrelation,
    weight_images,
)
from mlp.nn.network import Layer, Network, flatten, unflatten


def rng(seed=0):
    return np.random.default_rng(seed)


class TestCorrelationDifference:
    def test_it_is_the_difference_of_scipys_correlations_and_its_interval_finds_it(self):
        generator = rng()
        train = generator.normal(size=(100, 2))
        test = np.column_stack([train[:, 0] + 0.3 * generator.normal(size=100), generator.normal(size=100)])
        found = correlation_difference(train, test, rng(1))
        close, none = (stats.pearsonr(train[:, i], test[:, i]).statistic for i in (0, 1))
        assert found.value == pytest.approx(close - none)
        # The standard error of a correlation is about (1 - r²) / sqrt(n), and hardly any for the close one.
        half = 1.96 * (1 - none**2) / np.sqrt(100)
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.2)

    def test_two_equal_groups_do_not_differ_and_a_missing_seed_is_left_out(self):
        losses = rng().normal(size=(20, 1)).repeat(2, axis=1)
        others = losses + rng(1).normal(size=(20, 1))
        others[3, 1] = np.nan
        assert correlation_difference(losses, others, rng()).value == pytest.approx(0, abs=1e-12)


class TestComponents:
    def test_components_are_sorted_by_their_absolute_value(self):
        # Squares 9, 4, 2, 1 of 16.
        np.testing.assert_allclose(cumulative_share(np.array([-2.0, 1, np.sqrt(2), -3])), [9 / 16, 13 / 16, 15 / 16, 1])

    def test_a_layer_of_four_components_by_hand(self):
        # Squares 9 and 4, 2 and 1: together 16, of which one component makes up half.
        layer = Layer(np.array([[3.0, 2.0]]), np.array([np.sqrt(2), 1.0]))
        np.testing.assert_array_equal(components_needed([layer], [0.5, 0.9, 0.99]), [[1 / 4, 3 / 4, 1]])

    def test_layers_are_measured_separately_and_a_layer_with_zero_gradient_is_nan(self):
        one_weight = Layer(np.array([[5.0, 0, 0]]), np.zeros(3))
        none = Layer(np.zeros((3, 1)), np.zeros(1))
        np.testing.assert_array_equal(components_needed([one_weight, none], [0.5, 1]), [[1 / 6, 1 / 6], [np.nan] * 2])

    def test_of_equal_components_each_share_needs_the_same_share_of_components(self):
        layer = Layer(np.full((9, 10), -0.1, np.float32), np.full(10, 0.1, np.float32))
        np.testing.assert_allclose(components_needed([layer], [0.01, 0.5, 0.9, 1]), [[0.01, 0.5, 0.9, 1]])

    @given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0.01, 100)), st.floats(0.01, 1))
    def test_one_component_fewer_is_not_enough(self, biases, share):
        needed = round(components_needed([Layer(np.empty((0, biases.size)), biases)], [share])[0, 0] * biases.size)
        cumulative = np.cumsum(np.sort(biases**2)[::-1]) / (biases**2).sum()
        assert cumulative[needed - 1] >= share - 1e-9
        assert needed == 1 or cumulative[needed - 2] < share + 1e-9


class TestDirections:
    parameters = Network((6, 5, 3), start="normal").initialize(rng())

    def test_the_part_for_each_neuron_has_the_norm_of_its_weights(self):
        direction = unflatten(random_direction(self.parameters, rng(1)), (6, 5, 3))
        for ours, theirs in zip(direction, self.parameters, strict=True):
            np.testing.assert_allclose(
                np.linalg.norm(ours.weights, axis=0), np.linalg.norm(theirs.weights, axis=0), rtol=1e-5
            )
            assert (ours.biases == 0).all()

    def test_scaling_a_neuron_scales_only_its_part_of_the_direction(self):
        scaled = [Layer(self.parameters[0].weights * np.float32([1, 1, 7, 1, 1]), self.parameters[0].biases)]
        plain, stretched = (random_direction(layers, rng(1)).reshape(7, 5) for layers in (self.parameters[:1], scaled))
        np.testing.assert_allclose(stretched, plain * [1, 1, 7, 1, 1], rtol=1e-5)

    def test_two_directions_in_13_002_dimensions_are_nearly_orthogonal(self):
        parameters = Network().initialize(rng())
        a, b = (random_direction(parameters, rng(seed)) for seed in (1, 2))
        assert abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)) < 0.03


class TestSlices:
    @staticmethod
    def bowl(v):
        return float(1.5 * v[0] ** 2 + 0.5 * v[1] ** 2)

    def test_a_line_through_a_bowl_is_a_parabola(self):
        line = slice_costs(self.bowl, np.zeros(2), [np.array([1.0, 0])], [-1, 0, 2])
        np.testing.assert_array_equal(line, [1.5, 0, 6])

    def test_a_plane_has_the_first_direction_along_axis_0(self):
        plane = slice_costs(self.bowl, np.array([1.0, 0]), [np.array([1.0, 0]), np.array([0, 2.0])], [0, 1])
        np.testing.assert_array_equal(plane, [[1.5, 3.5], [6, 8]])

    def test_the_line_between_two_networks_begins_and_ends_at_their_costs(self):
        network, images, labels = Network((8, 4, 3)), rng().random((20, 8), dtype=np.float32), rng(1).integers(0, 3, 20)
        a, b = (flatten(network.initialize(rng(seed))) for seed in (2, 3))

        def cost(vector):
            return network.average_cost(unflatten(vector, network.sizes), images, labels)

        line = slice_costs(cost, a, [b - a], np.linspace(0, 1, 5))
        assert line[0] == cost(a)
        assert line[-1] == pytest.approx(cost(b), rel=1e-6)
        assert line[2] == pytest.approx(cost((a + b) / 2), rel=1e-6)

    def test_the_barrier_is_the_highest_cost_above_the_mean_of_the_ends(self):
        assert barrier([0.2, 0.9, 1.0, 0.4]) == pytest.approx(0.7)
        assert barrier([0.3, 0.1, 0.3]) == 0


class TestMinima:
    def test_the_spread_is_the_standard_deviation_and_its_interval_covers_the_true_value(self):
        losses = rng().normal(0.3, [0.01, 0.05], (200, 2))
        spread = loss_spread(losses, rng())
        np.testing.assert_allclose(spread.value, losses.std(axis=0, ddof=1))
        assert (spread.low < [0.01, 0.05]).all()
        assert (spread.high > [0.01, 0.05]).all()
        assert (spread.high - spread.low < 0.3 * spread.value).all()

    def test_one_seed_has_no_spread(self):
        assert np.isnan(loss_spread([[0.3]], rng())).all()

    def test_the_correlation_and_its_interval_are_scipys(self):
        train = rng().normal(size=(30, 2))
        test = train * [1, -0.5] + rng(1).normal(size=(30, 2))
        ours = loss_correlation(train, test, rng(2))
        np.testing.assert_allclose(ours.value, stats.pearsonr(train, test, axis=0).statistic)
        theirs = stats.bootstrap(
            (train[:, 0], test[:, 0]),
            lambda x, y, axis: stats.pearsonr(x, y, axis=axis).statistic,
            paired=True,
            rng=rng(2),
        ).confidence_interval
        assert (ours.low[0], ours.high[0]) == pytest.approx((theirs.low, theirs.high))
        assert (ours.low < ours.value).all()
        assert (ours.value < ours.high).all()

    def test_proportional_losses_have_correlation_1(self):
        losses = rng().random((6, 1))
        assert loss_correlation(losses, 2 * losses + 1, rng()).value == pytest.approx(1)

    def test_a_constant_loss_and_too_few_seeds_have_no_correlation(self):
        train = np.array([[1.0, 1, 1], [1, 2, np.nan], [1, 3, 3]])
        estimate = loss_correlation(train, np.array([[1.0, 1, 1], [2, 3, 3], [3, 2, 2]]), rng())
        np.testing.assert_allclose(estimate.value, [np.nan, 0.5, np.nan])
        assert np.isnan(estimate.low).all()  # a resample may be one of the three seeds, three times

    def test_seeds_with_one_loss_missing_are_left_out(self):
        train, test = rng().random((8, 1)), rng(1).random((8, 1))
        whole = loss_correlation(train, test, rng(2))
        holed = loss_correlation(np.vstack([train, [[np.nan]]]), np.vstack([test, [[9]]]), rng(2))
        np.testing.assert_array_equal(holed, whole)


class TestWeightImages:
    def test_each_neuron_gets_its_own_weights_row_by_row(self):
        weights = np.array([[1, 10], [2, 20], [3, 30], [4, 40]])
        np.testing.assert_array_equal(weight_images(weights), [[[1, 2], [3, 4]], [[10, 20], [30, 40]]])

    def test_the_lessons_network_has_16_images_of_28x28(self):
        assert weight_images(Network().initialize(rng())[0].weights).shape == (16, 28, 28)

    def test_inputs_that_form_no_square_are_refused(self):
        with pytest.raises(ValueError, match="pixels: 5 given; allowed: those of square images"):
            weight_images(np.ones((5, 2)))


class TestAutocorrelation:
    def test_a_chessboard_has_minus_1(self):
        assert spatial_autocorrelation(np.indices((8, 8)).sum(axis=0) % 2) == pytest.approx(-1)

    def test_two_halves_by_hand(self):
        # z is -1 in the left half and 1 in the right; of 24 neighbouring pairs 4 disagree: (20 - 4) / 24 * 16 / 16.
        assert spatial_autocorrelation(np.tile([0.0, 0, 2, 2], (4, 1))) == pytest.approx(16 / 24)

    @given(arrays(np.float64, st.tuples(st.integers(2, 5), st.integers(2, 5)), elements=st.integers(-9, 9).map(float)))
    def test_it_is_morans_formula_evaluated_over_all_pairs(self, image):
        places = [(r, c) for r in range(image.shape[0]) for c in range(image.shape[1])]
        near = np.array([[abs(r - s) + abs(c - d) == 1 for s, d in places] for r, c in places])
        z = image.ravel() - image.mean()
        if not np.ptp(image):
            assert np.isnan(spatial_autocorrelation(image))
        else:
            expected = z.size / near.sum() * (z @ near @ z) / (z @ z)
            assert spatial_autocorrelation(image) == pytest.approx(expected, abs=1e-9)

    def test_images_are_measured_separately(self):
        images = rng().normal(size=(3, 2, 6, 6))
        together = spatial_autocorrelation(images)
        assert together.shape == (3, 2)
        assert together[2, 1] == pytest.approx(spatial_autocorrelation(images[2, 1]))

    @pytest.mark.parametrize("shape", [(28, 28), (3, 5)])
    def test_noise_has_the_expected_mean_and_standard_deviation(self, shape):
        measured = spatial_autocorrelation(rng().normal(size=(4000, *shape)))
        mean, std = noise_autocorrelation(*shape)
        assert measured.mean() == pytest.approx(mean, abs=4 * std / np.sqrt(4000))
        assert measured.std() == pytest.approx(std, rel=0.05)

    def test_untrained_weights_look_like_noise_and_a_stroke_does_not(self):
        mean, std = noise_autocorrelation(28, 28)
        untrained = spatial_autocorrelation(weight_images(Network().initialize(rng())[0].weights))
        assert (abs(untrained - mean) < 4 * std).all()
        stroke = np.zeros((28, 28))
        stroke[4:24, 12:16] = 1
        assert spatial_autocorrelation(stroke) > mean + 20 * std
