"""The claim `capacity`."""

import numpy as np
import pytest

from tests.mlp.claims.constructed import constructed, line, measured


def test_growth_with_the_number_of_images_is_compared_between_noise_and_real_images():
    rows = [
        constructed(0, count, inputs=kind, accuracy=line(epochs))
        for kind, count, epochs in (("true", 20, 4), ("true", 40, 8), ("gaussian", 20, 5), ("gaussian", 40, 50))
    ]
    width = [
        constructed(0, hidden=(neurons,), inputs=kind, accuracy=line(epochs))
        for kind, neurons, epochs in (("true", 8, 8), ("true", 16, 4), ("gaussian", 8, 90), ("gaussian", 16, 30))
    ]
    found = measured("capacity", width, rows)
    assert found["exponent_real"] == pytest.approx([1])  # twice the epochs for twice the images
    assert found["exponent_noise"] == pytest.approx([np.log2(10)])
    assert found["rows_growth_ratio"] == [5]
    assert found["width_help_ratio"] == [1.5]
