"""The charts of the report: what is drawn is what was measured."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from mlp.figures.interactive import curves_chart, hues, measures_chart, seeds_chart
from mlp.figures.tiles import weight_tile
from mlp.statistics import Estimate, summarize


def lines(figure):
    return [trace for trace in figure.data if trace.hoverinfo != "skip"]


def luminance(colour: str) -> float:
    """Relative luminance, as the Web Content Accessibility Guidelines define it."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


class TestCurves:
    values = np.random.default_rng(0).random((5, 2, 4))

    def test_a_line_is_the_mean_and_its_band_the_interval(self):
        summary = summarize(self.values)
        figure = curves_chart(["0", "1"], summary, percent=True)
        for group, line in enumerate(lines(figure)):
            np.testing.assert_allclose(line.y, summary.mean[group], atol=1e-6)
            np.testing.assert_array_equal(line.x, [0, 1, 2, 3])
        band = next(trace for trace in figure.data if trace.fill == "toself")
        np.testing.assert_allclose(band.y, [*summary.low[0], *summary.high[0][::-1]], atol=1e-6)

    def test_a_group_is_hidden_with_its_band(self):
        figure = curves_chart(["0", "1"], summarize(self.values), percent=True)
        assert [trace.legendgroup for trace in figure.data] == ["0", "0", "1", "1"]

    def test_one_seed_has_a_line_and_no_band(self):
        figure = curves_chart(["0", "1"], summarize(self.values[:1]), percent=True)
        assert len(figure.data) == 2

    def test_a_group_that_was_not_measured_is_left_out(self):
        values = self.values.copy()
        values[:, 0] = np.nan
        figure = curves_chart(["0", "1"], summarize(values), percent=True)
        assert {trace.name for trace in lines(figure)} == {"1"}


def test_measures_are_lines_with_their_intervals_as_bars():
    measured = Estimate(np.array([0.5, 0.6]), np.array([0.4, 0.5]), np.array([0.7, 0.8]))
    figure = measures_chart(["0", "1"], {"clean": measured, "wrong": measured}, "fraction")
    assert [trace.name for trace in figure.data] == ["clean", "wrong"]
    np.testing.assert_allclose(figure.data[0].error_y.array, [0.2, 0.2])
    np.testing.assert_allclose(figure.data[0].error_y.arrayminus, [0.1, 0.1])
    assert list(figure.layout.xaxis.ticktext) == ["0", "1"]


def test_seeds_are_drawn_around_the_mean_of_their_group_and_told_as_they_are():
    values = np.array([[0.9, 0.2], [0.8, np.nan], [0.7, 0.4]])
    first, second = seeds_chart(["0", "1"], values, ["seed 0", "seed 1", "seed 2"], "fraction").data
    np.testing.assert_allclose(first.y, [0.1, 0, -0.1], atol=1e-9)
    np.testing.assert_allclose(second.customdata, [0.2, 0.4])
    assert list(second.text) == ["seed 0", "seed 2"]
    assert first.x[0] < first.x[1] < first.x[2] < second.x[0]


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_every_colour_of_a_group_can_be_seen_on_white_and_on_black(count):
    for colour in hues(count):
        ratios = (1.05 / (luminance(colour) + 0.05), (luminance(colour) + 0.05) / 0.05)
        assert min(ratios) > 2.2


def test_a_tile_is_red_where_weights_are_positive_and_blue_where_negative():
    picture = Image.open(BytesIO(weight_tile(np.array([[1.0, 0.0], [-1.0, 0.5]]), limit=1.0))).convert("RGB")
    assert picture.size == (2, 2)
    (red, white, blue, rose) = (picture.getpixel(place) for place in ((0, 0), (1, 0), (0, 1), (1, 1)))
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert min(white) > 240
    assert rose[0] > rose[2]
