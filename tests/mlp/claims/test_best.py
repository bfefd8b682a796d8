"""The claim `best`."""

import numpy as np

from tests.mlp.claims.constructed import constructed, measured


def test_each_recipe_has_its_parameters_and_its_accuracies_by_seed():
    raw = [constructed(seed, test=0.9 + seed / 100) for seed in (1, 0)]
    found = measured("best", sigmoid=raw, raw=raw, deskewed=[constructed(5, test=0.98, hidden=(2,))])
    np.testing.assert_allclose(found["raw_accuracy"], [0.9, 0.91])
    np.testing.assert_array_equal(found["raw_parameters"], [65 * 4 + 5 * 3 + 4 * 10] * 2)
    np.testing.assert_array_equal(found["deskewed_parameters"], [65 * 2 + 3 * 10])
    np.testing.assert_allclose(found["deskewed_accuracy"], [0.98])
    np.testing.assert_allclose(found["deskewed_train"], [1.0])
