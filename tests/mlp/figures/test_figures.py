"""The charts of the report show the measured values."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mlp.figures.interactive import curves_chart, hues, measures_chart, seeds_chart
from mlp.statistics.intervals import Estimate, summarize


def lines(figure):
    return [trace for trace in figure.data if trace.hoverinfo != "skip"]


def luminance(colour: str) -> float:
    """Relative luminance, as the Web Content Accessibility Guidelines define it."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


class TestCurves:
    values = np.random.default_rng(0).random((5, 2, 4))

    def test_the_line_is_the_mean_and_the_band_the_interval(self):
        summary = summarize(self.values)
        figure = curves_chart(["0", "1"], summary, percent=True)
        for group, line in enumerate(lines(figure)):
            np.testing.assert_allclose(line.y, summary.mean[group], atol=1e-6)
            np.testing.assert_array_equal(line.x, [0, 1, 2, 3])
        band = next(trace for trace in figure.data if trace.fill == "toself")
        np.testing.assert_allclose(band.y, [*summary.low[0], *summary.high[0][::-1]], atol=1e-6)

    def test_the_band_of_a_group_belongs_to_the_same_legend_group_as_its_line(self):
        figure = curves_chart(["0", "1"], summarize(self.values), percent=True)
        assert [trace.legendgroup for trace in figure.data] == ["0", "0", "1", "1"]

    def test_one_seed_has_a_line_but_no_band(self):
        figure = curves_chart(["0", "1"], summarize(self.values[:1]), percent=True)
        assert len(figure.data) == 2

    def test_a_group_without_values_is_left_out(self):
        values = self.values.copy()
        values[:, 0] = np.nan
        figure = curves_chart(["0", "1"], summarize(values), percent=True)
        assert {trace.name for trace in lines(figure)} == {"1"}

    def test_every_seed_is_a_thin_line_behind_the_mean_that_does_not_touch_the_next(self):
        figure = curves_chart(["0", "1"], summarize(self.values), percent=True, seeds=self.values)
        for group in range(2):
            band, thin, mean = (trace for trace in figure.data if trace.legendgroup == str(group))
            assert thin.line.width < mean.line.width / 2
            assert not thin.connectgaps
            separate = np.reshape(thin.y, (5, 5))
            np.testing.assert_allclose(separate[:, :4], self.values[:, group], rtol=1e-6)
            assert np.isnan(separate[:, 4]).all()
            np.testing.assert_array_equal(np.reshape(thin.x, (5, 5))[:, :4], [range(4)] * 5)
            assert band.fill == "toself"

    def test_a_single_seed_is_the_mean_itself_and_not_drawn_twice(self):
        figure = curves_chart(["0", "1"], summarize(self.values[:1]), percent=True, seeds=self.values[:1])
        assert len(figure.data) == 2

    def test_a_band_that_reaches_zero_ends_on_a_logarithmic_axis_and_keeps_its_numbers(self):
        values = np.array([[[1.0, 0.001]], [[1.1, 0.9]], [[0.9, 0.01]], [[1.0, 0.01]], [[1.0, 0.01]]])
        summary = summarize(values)
        assert summary.low[0, 1] < 0
        figure = curves_chart(["0"], summary, percent=False, seeds=values, logarithmic=True)
        assert figure.layout.yaxis.type == "log"
        band, _, mean = figure.data
        assert min(band.y) > 0
        np.testing.assert_allclose(mean.customdata[:, 0], summary.low[0], rtol=1e-5)

    def test_a_cost_of_zero_everywhere_keeps_a_linear_axis(self):
        zeros = np.zeros((2, 1, 3))
        figure = curves_chart(["0"], summarize(zeros), percent=False, seeds=zeros, logarithmic=True)
        assert figure.layout.yaxis.type is None


def test_measures_are_lines_with_intervals_as_error_bars():
    measured = Estimate(np.array([0.5, 0.6]), np.array([0.4, 0.5]), np.array([0.7, 0.8]))
    figure = measures_chart(["0", "1"], {"clean": measured, "wrong": measured}, "fraction")
    assert [trace.name for trace in figure.data] == ["clean", "wrong"]
    np.testing.assert_allclose(figure.data[0].error_y.array, [0.2, 0.2])
    np.testing.assert_allclose(figure.data[0].error_y.arrayminus, [0.1, 0.1])
    assert list(figure.layout.xaxis.ticktext) == ["0", "1"]


def test_seeds_are_drawn_relative_to_the_mean_of_their_group_and_their_hover_text_is_the_value():
    values = np.array([[0.9, 0.2], [0.8, np.nan], [0.7, 0.4]])
    first, second = seeds_chart(["0", "1"], values, ["seed 0", "seed 1", "seed 2"], "fraction").data
    np.testing.assert_allclose(first.y, [10, 0, -10], atol=1e-9)  # points
    np.testing.assert_allclose(second.customdata, [0.2, 0.4])
    assert list(second.text) == ["seed 0", "seed 2"]
    assert first.x[0] < first.x[1] < first.x[2] < second.x[0]


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_every_group_colour_has_contrast_to_white_and_to_black(count):
    for colour in hues(count):
        ratios = (1.05 / (luminance(colour) + 0.05), (luminance(colour) + 0.05) / 0.05)
        assert min(ratios) > 2.2
