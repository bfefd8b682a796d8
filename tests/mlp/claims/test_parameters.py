"""The claim `parameters`."""

import pytest

from tests.mlp.claims.constructed import constructed, measured


def test_the_worked_example_costs_3_3585():
    found = measured("parameters", [constructed()])
    assert found["worked_example"] == pytest.approx(3.3585, abs=5e-5)
    assert found["parameters"] == [64 * 4 + 4 + 4 * 3 + 3 + 3 * 10 + 10]
