"""The claim `difficulty`."""

import numpy as np
import pytest

from mlp.claims.difficulty import measure
from mlp.claims.difficulty.figure import difficulties
from tests.mlp.figures.drawn import rng


def test_images_whose_difficulty_depends_only_on_the_label_do_not_disperse_within_a_label():
    labels = np.repeat([0, 1], 500)
    wrong = np.random.default_rng(0).random((100, 1000)) < np.where(labels == 0, 0.3, 0.9)
    shares = wrong.mean(axis=0)
    assert measure.difficulty_dispersion(shares, 100) > 10
    assert measure.dispersion_within_labels(shares, labels, 100) == pytest.approx(1, abs=0.15)


def test_difficulties_are_drawn_against_the_images():
    shares = {"real": np.sort(rng().random(1000) ** 4), "real, if equally difficult": np.full(1000, 0.2)}
    figure = difficulties(shares)
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), shares["real"])
