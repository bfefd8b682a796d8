"""Each picture is answered or refused by itself, and --show writes what the network saw."""

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.report.predict import print_answers
from flows.report.registry import register
from flows.store.results import load_runs
from mlp.data.pictures import read_digit

DIGITS = Experiment(name="digits", seeds="0", data={"name": "digits"}, corruption={"fractions": [0]})


@pytest.fixture(scope="module")
def champion(new_store):
    """A store with a champion, whose weights are random."""
    store = new_store()
    sweep_id, cells = store.sweep(DIGITS, lambda cell: {"test/accuracy": 0.8}, weights=True)
    best = load_runs(sweep_id, tracking_server=store.uri).iloc[0]
    register(store.client, sweep_id, "digits", best, cells[best["cell"]])
    return store


@pytest.fixture
def pictures(tmp_path):
    """A one, a file that is no picture, a blank sheet, and a one."""
    paper = np.full((280, 280), 200, np.uint8)
    Image.fromarray(paper).save(tmp_path / "blank.png")
    (tmp_path / "words.png").write_text("words")
    paper[60:220, 130:150] = 50
    for name in ("first.png", "last.png"):
        Image.fromarray(paper).save(tmp_path / name)
    return [tmp_path / name for name in ("first.png", "words.png", "blank.png", "last.png")]


def test_pictures_beside_one_that_cannot_be_read_are_answered(champion, pictures):
    console = Console(width=1000, record=True)
    refused = print_answers(champion.client, "digits", pictures, 0, [], console)
    text = console.export_text()
    assert [f"{path}: " in text for path in pictures] == [True, False, False, True]
    assert text.count("(activation ") == 2
    assert [line.split("; ")[0] for line in refused] == [
        f"image: {pictures[1]}: can't be read (not a known picture format)",
        f"image: {pictures[2]}: shows nothing, or nothing but what reaches the edge",
    ]


def test_nothing_is_answered_or_written_if_no_picture_can_be_read(champion, pictures, tmp_path):
    console, show = Console(record=True), tmp_path / "seen.png"
    assert len(print_answers(champion.client, "digits", pictures[1:3], 0, [], console, show)) == 2
    assert console.export_text() == ""
    assert not show.exists()


def test_show_writes_what_the_network_saw(champion, pictures, tmp_path):
    print_answers(champion.client, "digits", pictures[:2], 0, [], Console(record=True), tmp_path / "seen.png")
    with Image.open(tmp_path / "seen.png") as seen:
        assert seen.format == "PNG"
        pixels = np.asarray(seen.convert("L"))
        black = pixels < 10
        rows, columns = (np.flatnonzero(black.mean(axis=axis) > 0.25) for axis in (1, 0))
        panel = seen.convert("L").crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    small = np.asarray(panel.resize((28, 28), Image.Resampling.BOX)).ravel()
    assert np.corrcoef(small, read_digit(pictures[0]))[0, 1] > 0.95


def test_show_does_not_overwrite_a_picture(champion, pictures):
    before = pictures[0].read_bytes()
    with pytest.raises(ConfigurationError, match=r"--show: .*first.png given, which is one of the pictures"):
        print_answers(champion.client, "digits", pictures, 0, [], Console(record=True), pictures[0])
    assert pictures[0].read_bytes() == before
