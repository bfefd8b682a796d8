"""All figures that notebooks and claims share are drawn, and show the given values.

If the environment variable FIGURES names a folder, the figures are saved there.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from mlp import figures
from mlp.measures.landscape import cumulative_share
from mlp.nn.descent import descend
from mlp.nn.network import Network, flatten
from tests.mlp.figures.drawn import SEEDS, falling, labels, rng


def digits(count: int) -> np.ndarray:
    return np.kron(load_digits().images[:count] / 16, np.ones((3, 3))).reshape(count, -1)


@pytest.fixture
def kept(request):
    """Draw a figure, and save it if FIGURES is set."""

    def keep(figure: Figure) -> Figure:
        figure.canvas.draw()
        if folder := os.environ.get("FIGURES"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            figure.savefig(Path(folder) / f"{request.node.name.removeprefix('test_')}.png")
        return figure

    return keep


def test_weight_images_of_a_row_share_a_scale_with_white_for_zero(kept):
    network = Network((24 * 24, 16, 10))
    start = network.initialize(rng())[0].weights.T.reshape(16, 24, 24)
    figure = kept(figures.weight_gallery({"untrained": start, "trained": 3 * start}))
    limits = [panel.images[0].get_clim() for panel in figure.axes[:32]]
    assert len(set(limits[:16])) == len(set(limits[16:])) == 1
    assert all(low == -high for low, high in limits)
    assert limits[16][1] == pytest.approx(3 * limits[0][1])
    assert {"untrained", "trained"} <= labels(figure)


def test_the_answer_gallery_marks_the_answer_and_shows_its_activation(kept):
    answers = np.full((4, 10), 0.1)
    answers[range(4), [3, 1, 4, 1]] = 0.93
    images = np.concatenate([digits(2), rng().random((2, 24 * 24))])
    figure = kept(figures.answer_gallery(images, answers, ["test: 3", "test: 1", "uniform", "gaussian"]))
    assert {"3: 0.93", "1: 0.93", "4: 0.93"} <= labels(figure)
    for bars, winner in zip(figure.axes[4:], [3, 1, 4, 1], strict=True):
        colours = [bar.get_facecolor() for bar in bars.patches]
        assert colours.count(colours[winner]) == 1


def test_curves_show_the_mean_over_seeds(kept):
    costs = {"true": falling(0.5), "shuffled": falling(0.1)}
    figure = kept(figures.curves_figure(costs, "cost"))
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), costs["true"].mean(axis=0))
    assert {"epoch", "cost", "true", "shuffled"} <= labels(figure)


def test_the_last_point_of_a_descent_is_marked(kept):
    def cost(w):
        return 0.25 * w**4 - w**2 + 0.3 * w + 1.5

    paths = {f"from {w:g}": descend(lambda w: w**3 - 2 * w + 0.3, w, 0.1, 25) for w in (-2, 2)}
    figure = kept(figures.descent_on_curve(cost, paths, (-2.2, 2.2)))
    ends = [line.get_xdata()[-1] for line in figure.axes[0].lines[2::2]]
    np.testing.assert_allclose(np.ravel(ends), [path[-1, 0] for path in paths.values()])


def test_a_descent_on_a_surface_begins_at_its_start(kept):
    paths = {f"rate {rate:g}": descend(lambda p: np.array([3, 1]) * p, (1, 1), rate, 20) for rate in (0.1, 0.3, 0.6)}
    figure = kept(figures.descent_on_surface(lambda x, y: 1.5 * x**2 + 0.5 * y**2, paths, 1.3))
    assert all(line.get_xdata()[0] == line.get_ydata()[0] == 1 for line in figure.axes[0].lines)
    assert set(paths) <= labels(figure)


def test_all_components_together_make_up_the_whole_gradient(kept):
    gradient = rng().standard_normal(13_002) ** 3
    held = {
        "layer 1": cumulative_share(gradient),
        "random, for comparison": cumulative_share(rng().standard_normal(13_002)),
    }
    figure = kept(figures.importance(held))
    for line in figure.axes[0].lines:
        assert line.get_xdata()[-1] == 1
        assert line.get_ydata()[-1] == pytest.approx(1)


def test_the_cost_axis_of_slices_starts_at_zero(kept):
    positions = np.linspace(0, 1, 21)
    lines = {f"seeds {i} and {i + 1}": 0.2 + 0.3 * (i + 1) * positions * (1 - positions) for i in range(4)}
    figure = kept(figures.slices(positions, lines, "position between the minima"))
    assert figure.axes[0].get_ylim()[0] == 0
    assert set(lines) <= labels(figure)


def test_the_plane_has_the_first_direction_along_x(kept):
    positions = np.linspace(-1, 1, 21)
    x, y = np.meshgrid(positions, positions, indexing="ij")
    figure = kept(figures.plane(positions, 0.1 + 3 * x**2 + 0.3 * y**2))
    # The cost is steeper along x, so contours are closer to the minimum in that direction.
    outermost = figure.axes[0].collections[0].get_paths()[4].vertices
    assert np.abs(outermost[:, 0]).max() < np.abs(outermost[:, 1]).max()


def test_loss_histograms_show_mean_and_standard_deviation_of_each_width(kept):
    losses = {f"{width} neurons": rng().normal(0.2 - width / 5000, 1 / width, 100) for width in (25, 50, 100, 250, 500)}
    figure = kept(figures.loss_histograms(losses))
    assert len(figure.axes[0].patches) == 5
    narrow = losses["25 neurons"]
    assert f"25 neurons: {narrow.mean():.3f} ± {narrow.std(ddof=1):.4f}" in labels(figure)


def test_sizes_at_which_no_seed_converged_are_left_out(kept):
    epochs = {"real": np.array([[4.0, 5], [6, 7], [9, 9]]), "noise": np.array([[8.0, 9], [30, 31], [np.nan, np.nan]])}
    figure = kept(figures.convergence([100, 1000, 10_000], epochs, "training images"))
    drawn = [len(container.lines[0].get_xdata()) for container in figure.axes[0].containers]
    assert drawn == [3, 2]


def test_shapes_run_from_the_start_to_the_end_of_each_training(kept):
    curves = {"true": 1 - 0.9 * falling(1.2)[:, :13], "shuffled": np.linspace(0.1, 1, 87) * np.ones((SEEDS, 1))}
    figure = kept(figures.curve_shapes(curves))
    assert {"true labels, 12 epochs", "shuffled labels, 86 epochs", "a straight line"} <= labels(figure)
    assert all(line.get_xdata()[-1] == 1 for line in figure.axes[0].lines)


def test_pyplot_keeps_no_figure_open():
    # Figures made by pyplot stay in memory until they are closed.
    import sys

    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_gradient_of_the_network_can_be_drawn():
    network = Network()
    parameters = network.initialize(rng())
    gradient = network.gradient(parameters, rng().random((20, 784), dtype=np.float32), np.arange(20) % 10)
    held = {f"layer {i}": cumulative_share(flatten([layer])) for i, layer in enumerate(gradient, start=1)}
    assert len(figures.importance(held).axes[0].lines) == 3
