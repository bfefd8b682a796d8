"""The claim `corruption`."""

import numpy as np
import pytest

from mlp.claims.corruption.figure import factor_by_error, figure1
from tests.mlp.claims.constructed import constructed, line, measured
from tests.mlp.figures.drawn import SEEDS, falling, labels


def test_noise_that_is_fitted_sooner_than_random_labels_gives_a_ratio_above_one():
    epochs = {"true": 4, "shuffled_pixels": 5, "random_pixels": 8, "gaussian": 10}
    inputs = [constructed(0, inputs=kind, accuracy=line(count)) for kind, count in epochs.items()]
    labels = [constructed(0, fraction=p, accuracy=line(4 + round(16 * p)), test=1 - 0.9 * p) for p in (0, 0.5, 1)]
    found = measured(
        "corruption", inputs, labels, centred=labels, fashion=labels, kuzushiji=[], digits=labels, cifar10=[]
    )
    assert found["slow_down_fashion"] == found["slow_down"]
    assert np.isnan(found["slow_down_kuzushiji"])
    assert found["labels_over_pixels"] == [20 / 8]
    assert found["slow_down"] == [5]
    assert found["error_random"] == pytest.approx(0.9)
    assert found["slower_with_p"] == found["error_with_p"] == [1]


def test_zhangs_figure_has_three_panels():
    fractions = [0, 0.2, 0.4, 0.6, 0.8, 1]
    costs = {
        name: falling(rate)
        for name, rate in {
            "true labels": 0.6, "shuffled pixels": 0.5, "random pixels": 0.3, "gaussian": 0.25, "random labels": 0.2,
        }.items()
    }  # fmt: skip
    slow_down = 1 + np.outer(fractions, np.linspace(1.5, 2, SEEDS))
    errors = np.clip(0.1 + np.outer(fractions, np.full(SEEDS, 0.8)), 0, 0.9)
    figure = figure1(costs, fractions, slow_down, errors)
    assert {"(a) learning curves", "(b) time to fit", "(c) test error", "chance"} <= labels(figure)


def test_the_factor_of_each_data_set_stands_at_its_test_error():
    figure = factor_by_error({"mnist": (np.array([6.5, 8.6]), np.array([0.05, 0.06]))})
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [0.05, 0.06])


def test_a_data_set_whose_random_labels_were_not_fitted_is_named_so():
    found = {"mnist": (np.array([6.5]), np.array([0.05])), "fashion": (np.array([np.nan]), np.array([0.16]))}
    assert {"mnist", "fashion: not fitted"} <= labels(factor_by_error(found))
