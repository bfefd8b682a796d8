"""An experiment on images in colour, of a side of their own."""

from pathlib import Path

import numpy as np
import pytest

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.plan.preparation import keyed_cells, load_data, network_of
from flows.report.predict import collect
from mlp.data.openml import write_file
from mlp.data.sets import cache_file, packed

PIXELS = 3 * 12 * 12
ON_COLOURS = Experiment(name="colours", seeds="0", data={"name": "Colours", "split": "stratified"})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A data home that has such a set."""
    images = np.random.default_rng(0).integers(256, size=(70, PIXELS), dtype=np.uint8)
    write_file(cache_file(tmp_path, "Colours", PIXELS), packed(images, np.arange(70, dtype=np.uint8) % 10).data)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))


def test_its_cells_have_the_side_and_the_inputs_of_its_images():
    (cell,) = keyed_cells(ON_COLOURS).values()
    assert cell.params()["side"] == 12
    assert cell.sizes[0] == PIXELS
    assert cell.sizes == network_of(cell, load_data(cell)).sizes


def test_its_curves_are_measured_on_all_of_its_few_images():
    (cell,) = keyed_cells(ON_COLOURS).values()
    assert cell.images == 60
    assert cell.params()["evaluation_rows"] == "all"


def test_the_same_side_given_makes_the_same_cells():
    given = ON_COLOURS.model_copy(update={"data": ON_COLOURS.data.model_copy(update={"side": 12})})
    assert list(keyed_cells(given)) == list(keyed_cells(ON_COLOURS))


def test_its_networks_refuse_pictures_and_take_noise():
    with pytest.raises(ConfigurationError, match=r"^image: files given for a network of colour images; allowed: "):
        collect({}, PIXELS, [Path("three.png")], 0, [])
    images, _, _ = collect({}, PIXELS, [], 2, [])
    assert [image.size for image in images] == [PIXELS] * 2
