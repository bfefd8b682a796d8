"""The claim `labels`."""

import numpy as np

from mlp.claims import Networks
from mlp.claims.labels import measure
from tests.mlp.claims.constructed import constructed, line, measured


def test_the_slow_down_is_the_ratio_of_the_epochs_for_each_seed():
    nets = [
        constructed(seed, fraction=fraction, accuracy=line(epochs))
        for seed, fraction, epochs in ((0, 0, 5), (0, 1, 20), (1, 0, 10), (1, 1, 15))
    ]
    np.testing.assert_allclose(measure.slow_down(Networks(nets)), [4, 1.5])


def test_labels_are_not_fitted_if_the_accuracy_stays_below_one():
    wide = [
        constructed(seed, rows, fraction, accuracy=[0.1, 0.99 if (rows, fraction) == (60, 1) else 1], test=0.1)
        for seed in (0, 1) for rows in (40, 60) for fraction in (0, 1)
    ]  # fmt: skip
    found = measured("labels", wide, [constructed(fraction=1, rows=80, accuracy=[0.1, 0.12])])
    np.testing.assert_allclose(found["fit_shuffled"], 0.99)
    np.testing.assert_allclose(found["fit_true"], 1)
    assert (found["images"], found["lesson_images"]) == (60, 80)
    assert np.isnan(found["slow_down_most"]).all()
    np.testing.assert_allclose(found["slow_down_fewest"], 1)
