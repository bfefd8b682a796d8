"""The claim `connectivity`."""

import numpy as np

from mlp.claims.connectivity.figure import paths


def test_the_paths_of_two_networks_have_one_scale():
    positions = np.linspace(0, 1, 11)
    bump = positions * (1 - positions)
    errors = {f"{width} neurons": {path: 0.1 + height * bump for path, height in (("straight line", 4 / width),
              ("curve", 0.02))} for width in (8, 64)}  # fmt: skip
    figure = paths(positions, errors)
    assert [axes.get_title() for axes in figure.axes] == list(errors)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert figure.axes[0].get_ylim()[0] == 0
