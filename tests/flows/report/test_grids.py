"""A comparison by several params: maps of two, a map for each value of a third, and lines."""

import numpy as np
import pytest

from flows.plan.experiment import Experiment
from flows.report import charts
from flows.report.compare import compare_all
from flows.report.groups import groups_page
from flows.report.page_charts import grid_charts, levels, tiles
from flows.store.results import select

RATES, MOMENTA = [0.5, 1.5, 3], [0, 0.9]


def accuracy(cell) -> float:
    """Known numbers: higher with the rate, lower with momentum, a little higher with the seed."""
    descent = cell.descent
    return 0.5 + 0.1 * descent.learning_rate - 0.2 * descent.momentum + 0.01 * cell.seed


@pytest.fixture(scope="module")
def compared(new_store):
    """Makes a comparison of the cells of an experiment."""
    store = new_store()

    def of(name: str, **fields):
        experiment = Experiment(name=name, data={"name": "digits", "side": 8}, **{"seeds": "0-4"} | fields)
        sweep_id, _ = store.sweep(experiment, lambda cell: {"test/accuracy": accuracy(cell)})
        return compare_all(select(store.client, [sweep_id], everything=False).cells)

    return of


@pytest.fixture(scope="module")
def two_axes(compared):
    return compared("two", descent={"learning_rate": RATES, "momentum": MOMENTA})


def test_every_group_of_a_two_axes_grid_is_a_tile_with_its_mean_and_interval(two_axes):
    assert two_axes.varying == ["learning_rate", "momentum"]
    mean, low, high = tiles(two_axes, "test/accuracy", "learning_rate", "momentum", {})
    expected = [[0.5 + 0.1 * rate - 0.2 * momentum + 0.02 for rate in RATES] for momentum in MOMENTA]
    np.testing.assert_allclose(mean, expected)
    assert (low < mean).all()
    assert (mean < high).all()


def test_two_axes_are_drawn_as_a_map_and_as_lines_by_the_longer_axis(two_axes):
    found = grid_charts(two_axes)
    *maps, lines = found.values()
    (tiles_of_map,) = maps[0].data
    assert list(maps[0].layout.xaxis.ticktext) == ["0.5", "1.5", "3"]
    assert list(maps[0].layout.yaxis.ticktext) == ["0", "0.9"]
    assert tiles_of_map.text[0][0].startswith("57.0<br>")
    assert [line.name for line in lines.data] == ["momentum 0", "momentum 0.9"]
    np.testing.assert_allclose(lines.data[0].y, [0.57, 0.67, 0.82])


def test_a_third_axis_gives_a_map_for_each_of_its_values(compared):
    descent = {"learning_rate": RATES, "momentum": [0], "schedule": ["constant", "cosine"], "decay": [0.9, 1]}
    three = compared("three", seeds="0-1", descent=descent)
    titles = list(grid_charts(three))
    assert [title.rpartition(", ")[2] for title in titles] == ["decay=0.9", "decay=1"]
    assert levels(three, "learning_rate") == RATES


def test_a_single_axis_has_no_map(compared):
    assert grid_charts(compared("one", seeds="0-1", descent={"momentum": MOMENTA})) == {}


def test_the_chart_page_has_parallel_coordinates_of_the_axes_with_numbers(two_axes):
    first = groups_page("sweep", two_axes, ["test/accuracy"])["compareRunCharts"][0]
    assert first["type"] == "PARALLEL"
    assert first["selectedParams"] == ["learning_rate", "momentum"]
    assert first["selectedMetrics"] == ["test/accuracy"]
    assert charts.with_numbers({"rule": ["sgd", "adam"], "center": [True, False], "decay": [0.9, 1]}) == ["decay"]
