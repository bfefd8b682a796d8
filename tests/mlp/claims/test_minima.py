"""The claim `minima`."""

import numpy as np

from mlp.claims.minima.figure import correlations
from mlp.statistics.intervals import Estimate
from tests.mlp.claims.constructed import constructed, measured
from tests.mlp.figures.drawn import labels


def test_a_spread_that_shrinks_with_the_width_is_found_to_shrink():
    rng = np.random.default_rng(0)
    nets = [
        constructed(seed, hidden=(width,), cost=[2, train := rng.normal(0.1, 1 / width)], test_cost=[2, train + noise])
        for width in (25, 50, 100, 250, 500)
        for seed in range(30)
        for noise in [rng.normal(0.2, width / 500 / width)]
    ]
    found = measured("minima", nets)
    assert found["spread_falls"] >= 3
    assert found["correlation_25"].value > 0.9
    assert found["correlation_falls"].value > 0.1
    assert found["correlation_falls"].low <= found["correlation_falls"].value <= found["correlation_falls"].high


def test_correlations_are_shown_with_those_of_the_paper():
    widths, value = [25, 50, 100, 250, 500], np.array([0.7, 0.7, 0.6, 0.5, 0.3])
    measured = Estimate(value, value - 0.1, value + 0.1)
    figure = correlations(widths, measured, dict(zip(widths, value + 0.05, strict=True)))
    assert {"here", "paper"} <= labels(figure)
