"""The claim `double_descent`."""

import numpy as np
import pytest

from mlp.claims.double_descent import measure
from tests.mlp.claims.constructed import constructed, measured


@pytest.mark.parametrize(
    ("errors", "peak"),
    [
        ([0.5, 0.2, 0.3, 0.1], (2, 0.1, 0.2)),  # down, up, down
        ([0.5, 0.4, 0.3, 0.1], (0, 0, np.nan)),  # only down: no peak
        ([0.5, 0.2, 0.3, 0.4], (3, 0.2, 0)),  # no second descent
    ],
)
def test_a_peak_lies_between_two_descents(errors, peak):
    assert measure.peak_of(np.array(errors)) == pytest.approx(peak, nan_ok=True)


def test_the_peak_is_compared_with_the_number_of_equations():
    nets = [
        constructed(seed, fraction=p, hidden=(width,), accuracy=[0.1, fit], test=1 - error)
        for seed in (0, 1) for p in (0, 0.2)
        for width, fit, error in ((2, 0.6, 0.4), (4, 0.8, 0.3), (5, 1, 0.35 + p / 10), (20, 1, 0.2))
    ]  # fmt: skip
    found = measured("double_descent", nets)
    assert found["equations"] == 400
    assert found["noise_peak_width"] == found["noise_fits"] == 5
    assert found["noise_peak_parameters"] == (64 * 5 + 5 + 5 * 10 + 10) / 400
    np.testing.assert_allclose(found["noise_rise"], 0.07)
    np.testing.assert_allclose(found["noise_fall"], 0.17)
    np.testing.assert_allclose(found["true_gain"], 0.1)
