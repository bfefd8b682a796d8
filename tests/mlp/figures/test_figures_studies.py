"""The figures of the studies draw what they are given."""

import numpy as np

from mlp import figures


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_level_of_every_factor_has_a_row_with_the_mean_of_its_networks():
    factors = {"start": ["fan_in", "normal"] * 6, "epochs": [100] * 4 + [5] * 4 + [None] * 4}
    values = rng().random(12)
    figure = figures.level_effects({"largest activation": values, "AUROC": 1 - values}, factors)
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == [
        "start fan_in", "start normal", "epochs 5", "epochs 100"
    ]  # fmt: skip
    means = [lines.get_segments()[0][0, 0] for lines in left.collections if hasattr(lines, "get_segments")]
    expected = [values[::2].mean(), values[1::2].mean(), values[4:8].mean(), values[:4].mean()]
    np.testing.assert_allclose(means, expected)
    assert right.get_title() == "AUROC"


def test_accuracy_over_label_noise_has_a_panel_for_each_kind_and_one_for_the_break_points():
    lines = {"16": rng().random((4, 3)), "512": rng().random((4, 3))}
    breaks = {"shuffled": rng().random((2, 3)), "redrawn": rng().random((2, 3))}
    figure = figures.label_noise([0, 0.5, 0.9, 1], {"shuffled": lines, "redrawn": lines}, breaks)
    assert len(figure.axes) == 3
    np.testing.assert_allclose(figure.axes[0].containers[1].lines[0].get_ydata(), lines["512"].mean(axis=1))
    np.testing.assert_allclose(figure.axes[2].containers[0].lines[0].get_ydata(), breaks["shuffled"].mean(axis=1))
    np.testing.assert_array_equal(figure.axes[2].containers[0].lines[0].get_xdata(), [16, 512])


def test_a_drawing_is_shown_between_its_start_and_a_real_digit():
    start, drawn, real = rng().random((3, 10, 64))
    figure = figures.drawings(start, drawn, real, [f"{digit}: 0.99" for digit in range(10)])
    shown = [panel.get_images()[0].get_array().ravel() for panel in figure.axes]
    np.testing.assert_array_equal(shown[0], start[0])
    np.testing.assert_array_equal(shown[15], (drawn - start)[5])
    np.testing.assert_array_equal(shown[25], drawn[5])
    np.testing.assert_array_equal(shown[39], real[9])
    assert figure.axes[25].get_title() == "5: 0.99"
