"""The claim `sensitivity`."""

from dataclasses import replace

import numpy as np

from mlp.claims.sensitivity import measure
from mlp.measures.memorization import gini, loss_sensitivity
from mlp.nn.descent import Descent, scaled
from mlp.nn.network import Network
from tests.mlp.claims.constructed import constructed


def test_sensitivities_at_equal_fit_are_those_of_the_first_epoch_that_is_good_enough():
    assert measure.fitted_gini(constructed(accuracy=[0.1, 0.5, 0.7, 0.9]), np.array([np.nan, 1, 2, 3])) == 2
    assert np.isnan(measure.fitted_gini(constructed(accuracy=[0.1, 0.5]), np.array([np.nan, 1])))


def test_the_sensitivity_has_a_gini_coefficient_after_each_epoch():
    net = constructed(rows=30)
    curve = measure.sensitivity_gini(net)
    assert np.isnan(curve[0])
    assert len(curve) == net.descent.epochs + 1
    assert ((curve[1:] >= 0) & (curve[1:] < 1)).all()


def test_if_the_parameters_do_not_change_neither_does_the_gini_coefficient(monkeypatch):
    net = constructed(rows=30)
    monkeypatch.setattr(measure, "train", lambda *args: [args[-1](epoch, net.start) for epoch in (0, 1, 2)])
    expected = gini(loss_sensitivity(net.network, net.start, scaled(net.data.train_images), net.train_labels))
    np.testing.assert_allclose(measure.sensitivity_gini(net)[1:], expected)


def test_with_tiny_steps_the_unrolled_gini_coefficient_is_that_of_the_direct_sensitivity():
    network = Network((64, 4, 10), "relu", "cross_entropy")
    net = replace(constructed(rows=30), network=network, descent=Descent(1e-9, epochs=2))
    direct = gini(loss_sensitivity(net.network, net.start, scaled(net.data.train_images), net.train_labels))
    np.testing.assert_allclose(measure.unrolled_gini(net), [np.nan, direct, direct], rtol=1e-4)
