"""What the figures of the claims show, on constructed numbers."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlp import figures
from mlp.theory.interpolation import interpolate


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_line_of_a_constructed_network_passes_through_every_label():
    images, labels = np.random.default_rng(0).random((6, 9)), np.array([3, 1, 4, 1, 5, 9])
    network = interpolate(images, labels, np.random.default_rng(1))
    figure = figures.interpolation(network, images, labels)
    figure.canvas.draw()
    line, points, _ = figure.axes[0].lines
    np.testing.assert_allclose(np.interp(points.get_xdata(), *line.get_data()), labels, atol=0.05)


def test_dots_mark_the_epoch_of_the_highest_test_accuracy():
    test = {"0%": np.array([[0.1, 0.8, 0.9]]), "50%": np.array([[0.1, 0.7, 0.4], [0.1, 0.9, 0.6]])}
    figure = figures.early_stopping(test, {"50%": np.array([[0.1, 0.05, 0.9]] * 2)})
    figure.canvas.draw()
    left, right = ([(*dot.get_xdata(), *dot.get_ydata()) for dot in axes.lines if dot.get_marker() == "o"]
                   for axes in figure.axes)  # fmt: skip
    assert left == [pytest.approx((2, 0.9)), pytest.approx((1, 0.8))]
    assert right == [pytest.approx((1, 0.05))]


def test_the_bars_of_each_group_of_forgotten_images_add_up_to_one():
    figure = figures.forgetting({"right": np.array([0, 0, 0, 1]), "wrong": np.array([2, 5])})
    figure.canvas.draw()
    assert [sum(bar.get_height() for bar in bars) for bars in figure.axes[0].containers] == pytest.approx([1, 1])
    assert legend(figure) == ["right", "wrong"]


def test_the_threshold_of_double_descent_is_marked_among_the_widths():
    figure = figures.double_descent((2, 8, 32), {"test": np.array([[0.5, 0.6], [0.3, 0.3], [0.1, 0.2]])}, 12.6)
    figure.canvas.draw()
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["2", "8", "32"]
    assert any(line.get_xdata() == [12.6, 12.6] for line in figure.axes[0].lines if len(line.get_xdata()) == 2)
