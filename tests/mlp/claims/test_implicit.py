"""The claim `implicit`."""

import numpy as np

from mlp.claims.implicit.figure import norms_and_errors


def test_every_kernel_is_a_point_with_its_width():
    tables = {
        "pixels": np.array([[30, 20, 90], [0.2, 0.1, 0.15]]),
        "filters": np.array([[25, 30, 95], [0.1, 0.05, 0.07]]),
    }
    figure = norms_and_errors((0.25, 0.5, 1), tables)
    figure.canvas.draw()
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.25", "0.5", "1"] * 2
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["pixels", "filters"]
