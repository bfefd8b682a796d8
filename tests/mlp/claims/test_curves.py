"""The claim `curves`."""

import numpy as np
import pytest

from mlp.claims.curves import measure
from mlp.claims.curves.figure import cost_shapes
from mlp.nn.descent import scaled
from tests.mlp.claims.constructed import constructed, line, measured
from tests.mlp.figures.drawn import SEEDS


def test_a_straight_line_and_a_jump_have_different_shapes():
    jump = {"accuracy": [0.1] + 20 * [0.98] + [1.0], "cost": [2.0] + 21 * [0.1]}
    even = {"accuracy": line(50), "cost": np.linspace(2, 0, 51)}
    nets = [constructed(seed, fraction=p, **kind) for p, kind in ((1, even), (0, jump)) for seed in (0, 1)]
    found = measured("curves", nets, nets, nets, nets)
    assert found["accuracy_shuffled_early"] == pytest.approx([0.1, 0.1])
    assert found["accuracy_shuffled_line"] == pytest.approx([1, 1])
    assert (found["accuracy_true_early"] > 0.9).all()
    assert (found["accuracy_true_line"] < 0.3).all()
    np.testing.assert_array_equal(found["shuffled_line_99"], found["slow_shuffled_line"])


def test_a_curve_is_measured_up_to_the_first_epoch_that_reaches_the_end_and_between_its_epochs():
    net = constructed(accuracy=[0.1, 0.5, 0.99, 1.0], cost=[2.0, 1.0, 0.0, 0.0])
    found = measure.Course(np.array([0, 0.5, 1, 2, 3]), np.array([2.0, 1.5, 1.0, 0.0, 0.0]))
    assert measure.shape_to(net, found, 0.99) == pytest.approx((0.1, 1))
    assert measure.shape_to(net, found, 1.0).r_squared < 0.95
    never = constructed(accuracy=[0.1, 0.5])
    assert np.isnan(measure.shape_to(never, found, 0.99)).all()


def test_the_first_epoch_is_measured_between_its_steps():
    net = constructed(rows=100)
    found = measure.course(net)
    assert (np.diff(found.epochs) > 0).all()
    np.testing.assert_allclose(found.epochs[:11], np.arange(11) / 10)
    cost = net.network.average_cost(net.start, scaled(net.data.train_images), net.train_labels)
    assert found.costs[1] == pytest.approx(cost, rel=0.5)


def test_ways_down_run_from_0_to_1_and_the_first_epoch_in_its_own_time():
    falls = {"true labels": (np.linspace(0, 6, 50), np.linspace(2, 0, 50) * np.ones((SEEDS, 1)))}
    figure = cost_shapes(falls, {"true labels": (np.linspace(0, 1, 17), np.ones((SEEDS, 17)))})
    left, right = figure.axes
    assert left.lines[0].get_xdata()[-1] == right.lines[0].get_xdata()[-1] == 1
