"""The claim `critical`."""

import numpy as np

from mlp.claims.critical.figure import over_fractions, over_radii
from tests.mlp.figures.drawn import SEEDS, labels


def test_critical_sample_ratios_are_shown_with_those_of_noise():
    ratios = np.outer([0, 0.02, 0.05, 0.08, 0.13], np.linspace(0.9, 1.1, SEEDS))
    figure = over_fractions([0, 0.25, 0.5, 0.75, 1], ratios, np.full(SEEDS, 0.2))
    assert {"real images", "random images"} <= labels(figure)


def test_ratios_over_radii_have_a_line_for_each_network_and_kind_of_image():
    ratios = {"real data, held out": np.array([0, 0.5, 1]), "real data, training images": np.array([0, 0.1, 0.4])}
    assert len(over_radii([0.3, 1, 8], ratios).axes[0].lines) == 2
