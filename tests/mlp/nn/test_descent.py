"""Gradient descent: on functions that can be drawn, worked out by hand, and against PyTorch."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.data.randomness import generator
from mlp.nn.descent import CellJob, Descent, descend, dropout_mask, mini_batches, scaled, shifted, train
from mlp.nn.network import Layer, Network, central_differences, flatten, unflatten


def bowl(point):
    """The lesson's C(x, y) = 3/2 x² + 1/2 y²."""
    x, y = point
    return 3 / 2 * x**2 + 1 / 2 * y**2


def bowl_gradient(point):
    return np.array([3.0, 1.0]) * point


@pytest.fixture
def images_and_labels():
    rng = np.random.default_rng(0)
    return rng.integers(256, size=(24, 16), dtype=np.uint8), rng.integers(3, size=24)


class TestAnyFunction:
    def test_downhill_from_1_1_in_the_lessons_bowl_is_minus_3_minus_1(self):
        np.testing.assert_allclose(-central_differences(bowl, np.array([1.0, 1.0])), [-3, -1], rtol=1e-9)
        first_step = np.diff(descend(bowl_gradient, (1, 1), rate=0.1, steps=1), axis=0)[0]
        np.testing.assert_allclose(first_step, [-0.3, -0.1])

    def test_steps_shrink_as_the_slope_flattens(self):
        path = descend(bowl_gradient, (1, 1), rate=0.1, steps=50)
        lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
        assert (np.diff(lengths) < 0).all()
        assert (np.diff([bowl(point) for point in path]) < 0).all()
        assert lengths[-1] < lengths[0] / 100

    def test_the_start_decides_the_valley(self):
        # C(w) = (w² - 1)² has valleys at -1 and 1 and a ridge at 0.
        ends = [descend(lambda w: 4 * w * (w**2 - 1), start, rate=0.05, steps=200)[-1] for start in (-0.2, 0.2)]
        np.testing.assert_allclose(ends, [[-1], [1]], atol=1e-6)

    def test_momentum_adds_a_share_of_the_previous_step(self):
        # C = w²/2 from 1, rate 0.1, momentum 0.5: v = -0.1, w = 0.9; v = 0.5 · -0.1 - 0.1 · 0.9 = -0.14, w = 0.76
        path = descend(lambda w: w, 1.0, rate=0.1, steps=2, momentum=0.5)
        np.testing.assert_allclose(path[:, 0], [1, 0.9, 0.76])

    def test_adams_first_step_is_the_rate_whatever_the_slope(self):
        # m / (1 - 0.9) = g and s / (1 - 0.999) = g², so the first step is -rate g / |g|.
        for slope in (1e-3, 1.0, 1e3):
            path = descend(lambda w, slope=slope: slope * np.ones_like(w), 1.0, rate=0.1, steps=1, rule="adam")
            np.testing.assert_allclose(path[:, 0], [1, 0.9], rtol=1e-4)


class TestRates:
    def test_a_constant_rate_does_not_change(self):
        descent = Descent(learning_rate=2, schedule="constant")
        assert descent.rate(0) == descent.rate(29) == 2

    def test_an_exponential_rate_loses_the_same_share_every_epoch(self):
        descent = Descent(learning_rate=2, schedule="exponential", decay=0.5)
        assert [descent.rate(epoch) for epoch in range(3)] == [2, 1, 0.5]

    def test_a_cosine_rate_falls_from_the_full_rate_through_half_to_almost_0(self):
        descent = Descent(learning_rate=2, schedule="cosine", epochs=10)
        rates = [descent.rate(epoch) for epoch in range(10)]
        assert rates[0] == 2
        assert rates[5] == pytest.approx(1)
        assert (np.diff(rates) < 0).all()
        assert 0 < rates[-1] < 0.05

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("learning_rate", 0),
            ("learning_rate", float("nan")),
            ("batch_size", 0),
            ("epochs", 0),
            ("momentum", 1),
            ("schedule", "stairs"),
            ("decay", 1.1),
            ("shift", -1),
            ("rule", "rprop"),
            ("weight_decay", -0.1),
            ("weight_decay", float("inf")),
            ("dropout", 1),
        ],
    )
    def test_a_field_out_of_range_is_refused_by_name(self, field, value):
        with pytest.raises(ValueError, match=f"^{field}: .* given; allowed: "):
            Descent(**{field: value})


class TestDropout:
    def test_a_mask_drops_the_share_and_keeps_the_mean(self):
        mask = dropout_mask(200, 500, 0.3, np.random.default_rng(0))
        assert mask.dtype == np.float32
        assert np.unique(mask).tolist() == [0, np.float32(1 / np.float32(0.7))]
        assert (mask == 0).mean() == pytest.approx(0.3, abs=0.01)
        assert mask.mean() == pytest.approx(1, abs=0.01)

    def test_without_a_generator_it_is_refused(self):
        with pytest.raises(ValueError, match=r"^dropout_rng: none given, with a dropout of 0\.5; allowed: a generator"):
            CellJob([], np.array([0, 1]), Descent(dropout=0.5))


class TestBatches:
    @given(st.integers(1, 60), st.integers(1, 20))
    def test_an_epoch_shows_every_row_once(self, rows, batch_size):
        batches = list(mini_batches(rows, batch_size, np.random.default_rng(0)))
        assert sorted(np.concatenate(batches)) == list(range(rows))
        assert all(len(batch) == batch_size for batch in batches[:-1])

    def test_two_epochs_differ_in_order(self):
        rng = np.random.default_rng(0)
        first, second = (np.concatenate(list(mini_batches(20, 5, rng))) for _ in range(2))
        assert (first != second).any()

    def test_shifted_images_are_the_image_moved_by_one_of_nine_offsets(self):
        rng = np.random.default_rng(0)
        image = np.zeros((6, 6), np.uint8)
        image[2:4, 2:4] = rng.integers(1, 256, (2, 2))
        moved = shifted(np.tile(image.ravel(), (300, 1)), 1, rng)
        offsets = {np.roll(image, (down, right), axis=(0, 1)).tobytes() for down in (-1, 0, 1) for right in (-1, 0, 1)}
        assert {row.tobytes() for row in moved} == offsets

    def test_pixels_shifted_in_from_outside_are_dark(self):
        moved = shifted(np.full((50, 9), 255, np.uint8), 1, np.random.default_rng(0)).reshape(-1, 3, 3)
        assert set(moved.astype(bool).sum(axis=(1, 2))) == {4, 6, 9}  # moved both ways, one way, not at all

    def test_pixels_are_scaled_to_1_and_floats_are_unchanged(self):
        assert scaled(np.array([0, 255], np.uint8)).tolist() == [0, 1]
        assert scaled(np.array([0.25, 3], np.float32)).tolist() == [0.25, 3]


class TestTraining:
    def test_every_step_is_reported_and_the_last_of_an_epoch_is_that_of_the_epoch(self):
        rng = np.random.default_rng(0)
        images, labels = rng.random((25, 6), dtype=np.float32), rng.integers(3, size=25)
        network, steps, epochs = Network((6, 4, 3)), {}, {}
        start, descent = network.initialize(generator(0, "start")), Descent(batch_size=10, epochs=2)
        train(
            network, CellJob(start, labels, descent, generator(0, "order")), images,
            lambda epoch, parameters: epochs.update({epoch: flatten(parameters)}),
            lambda step, parameters: steps.update({step: flatten(parameters)}),
        )  # fmt: skip
        assert list(steps) == [1, 2, 3, 4, 5, 6]
        np.testing.assert_array_equal(steps[3], epochs[1])
        np.testing.assert_array_equal(steps[6], epochs[2])
        assert (steps[4] != steps[5]).any()

    def test_one_step_is_the_one_worked_out_by_hand(self):
        network = Network((2, 2), "sigmoid", "quadratic")
        start = [Layer(np.zeros((2, 2), np.float32), np.zeros(2, np.float32))]
        descent = Descent(learning_rate=2, batch_size=1, epochs=1)
        # One image, its first pixel bright: answers sigmoid(0) = 0.5 and 0.5; wanted 1 and 0.
        # delta: 2 (0.5 - 1) 0.5 · 0.5 = -0.25 and 2 (0.5 - 0) 0.5 · 0.5 = 0.25
        # A step of minus 2 times that: biases 0.5 and -0.5, weights of the bright pixel the same, of the dark one 0.
        image, label = np.array([[255, 0]], np.uint8), np.array([0])
        (layer,) = train(network, CellJob(start, label, descent, np.random.default_rng(0)), image)
        np.testing.assert_allclose(layer.biases, [0.5, -0.5])
        np.testing.assert_allclose(layer.weights, [[0.5, -0.5], [0, 0]])
        assert not flatten(start).any()  # the start is not changed

    def test_momentum_on_mini_batches_at_a_falling_rate_takes_the_steps_that_pytorch_computes(self):
        # Made by make_pytorch_oracle.py.
        oracle = json.loads(Path(__file__).with_name("pytorch_oracle.json").read_text(encoding="utf-8"))
        task, expected = oracle["training"], oracle["mini_batches"]
        network = Network((9, 4, 3), "tanh", "cross_entropy")
        descent = Descent(0.2, batch_size=7, epochs=3, momentum=0.9, schedule="exponential", decay=0.5)
        path = []
        start, labels = unflatten(np.array(expected[0]), network.sizes), np.array(task["labels"])
        train(
            network,
            CellJob(start, labels, descent, np.random.default_rng(2)),
            np.array(task["pixels"], np.uint8),
            lambda epoch, parameters: path.append(flatten(parameters)),
        )
        np.testing.assert_allclose(path, expected, rtol=1e-10)

    def test_centred_training_folds_the_mean_image_into_the_first_biases(self, images_and_labels):
        images, labels = images_and_labels
        network = Network((16, 5, 3))
        start = network.initialize(np.random.default_rng(1))
        mean = (images.mean(axis=0) * np.float32(1 / 255)).astype(np.float32)
        centred = scaled(images) - mean
        descent = {"batch_size": 4, "epochs": 2, "momentum": 0.5}
        folded = train(
            network, CellJob(start, labels, Descent(**descent, center=True), np.random.default_rng(2)), images
        )
        plain = train(network, CellJob(start, labels, Descent(**descent), np.random.default_rng(2)), centred)
        np.testing.assert_array_equal(folded[0].weights, plain[0].weights)
        np.testing.assert_array_equal(folded[0].biases, plain[0].biases - mean @ plain[0].weights)
        np.testing.assert_array_equal(flatten(folded[1:]), flatten(plain[1:]))
        np.testing.assert_allclose(network.answers(folded, scaled(images)), network.answers(plain, centred), rtol=1e-5)

    def test_without_a_generator_of_mini_batches_it_is_refused(self, images_and_labels):
        (images, labels), network = images_and_labels, Network((16, 3))
        with pytest.raises(ValueError, match=r"^batch_rng: none given; allowed: a generator"):
            train(network, CellJob(network.initialize(np.random.default_rng(1)), labels, Descent()), images)

    def test_every_epoch_is_reported_from_the_untrained_network_on(self, images_and_labels):
        network = Network((16, 3))
        start = network.initialize(np.random.default_rng(1))
        (images, labels), seen = images_and_labels, []
        trained = train(
            network,
            CellJob(start, labels, Descent(epochs=3), np.random.default_rng(2)),
            images,
            lambda epoch, parameters: seen.append((epoch, flatten(parameters))),
        )
        assert [epoch for epoch, _ in seen] == [0, 1, 2, 3]
        np.testing.assert_array_equal(seen[0][1], flatten(start))
        np.testing.assert_array_equal(seen[-1][1], flatten(trained))

    def test_the_cost_falls_until_random_labels_are_memorized(self, images_and_labels):
        images, labels = images_and_labels
        network = Network((16, 16, 3), cost="cross_entropy", activation="relu")
        start, costs = network.initialize(np.random.default_rng(1)), []
        descent = Descent(0.1, epochs=200, momentum=0.9, schedule="constant")
        trained = train(
            network,
            CellJob(start, labels, descent, np.random.default_rng(2)),
            images,
            lambda epoch, parameters: costs.append(network.average_cost(parameters, scaled(images), labels)),
        )
        assert costs[200] < costs[20] < costs[0]
        np.testing.assert_array_equal(network.answers(trained, scaled(images)).argmax(axis=1), labels)
