"""The claim `corruption`."""

import numpy as np
import pytest

from mlp.claims.corruption import measure
from tests.mlp.claims.constructed import constructed, line


def test_noise_that_is_fitted_sooner_than_random_labels_gives_a_ratio_above_one():
    epochs = {"true": 4, "shuffled_pixels": 5, "random_pixels": 8, "gaussian": 10}
    inputs = [constructed(0, inputs=kind, accuracy=line(count)) for kind, count in epochs.items()]
    labels = [constructed(0, fraction=p, accuracy=line(4 + round(16 * p)), test=1 - 0.9 * p) for p in (0, 0.5, 1)]
    found = measure.measure(inputs, labels, labels, labels, [], labels, []).quantities
    assert found["slow_down_fashion"] == found["slow_down"]
    assert np.isnan(found["slow_down_kuzushiji"])
    assert found["labels_over_pixels"] == [20 / 8]
    assert found["slow_down"] == [5]
    assert found["error_random"] == pytest.approx(0.9)
    assert found["slower_with_p"] == found["error_with_p"] == [1]
