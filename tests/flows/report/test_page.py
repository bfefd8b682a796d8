"""The report: one page that needs nothing else, with the numbers, charts and pictures of a comparison."""

import gzip
import html
import json
import re
from base64 import b64decode

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from flows.plan.configuration import load_experiment
from flows.plan.experiment import Experiment
from flows.plan.settings import CorruptionSettings
from flows.report import charts, image_answers
from flows.report.compare import compare_all
from flows.report.page import median_cells, run_links, shown_cells, write_report
from flows.report.tables import records
from flows.store.results import Selection, load_runs, read_curves, select
from mlp.data.sets import DataUnavailable

SHUFFLE = Experiment(
    name="shuffle", description="What is it for?", seeds="0-4", corruption={"fractions": [0, 0.5]},
    data={"name": "digits", "side": 8},
)  # fmt: skip


def metrics(cell) -> dict[str, float]:
    return {
        "test/accuracy": 0.9 - 0.5 * cell.fraction + 0.01 * cell.seed,
        "train/cost": 0.2 + cell.fraction,
        "noise/uniform/confidence": 0.6,
    }


def report_on(store, selection: Selection) -> str:
    comparison = compare_all(selection.cells)
    points = read_curves(store.client, list(selection.cells["run_id"]))
    return write_report(store.client, selection, comparison, points)


@pytest.fixture(scope="module")
def swept(new_store):
    """A store with a sweep, its selection, and the report on it."""
    store = new_store()
    store.sweep_id, _ = store.sweep(SHUFFLE, metrics, weights=True)
    store.selection = select(store.client, [], everything=False)
    store.text = report_on(store, store.selection)
    return store


def test_it_loads_nothing_from_other_files_or_the_network(swept):
    text = swept.text
    ours = re.sub(r'<a class="run" href="http://127.0.0.1:5000/#/[^"]*"', "", text)
    assert ours.count("class=") > 100
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)|url\(|@import|https?://""", ours)


def test_the_licence_of_plotly_can_be_read_in_the_source(swept):
    notice = swept.text.partition('<script type="application/gzip" id="plotly">')[0].rpartition("<!--")[2]
    assert "Plotly, Inc." in notice
    assert "MIT" in notice
    assert "this permission notice shall be included in all copies" in notice


def test_it_holds_the_whole_of_plotly_in_less_than_half_of_its_size(swept):
    text = swept.text
    packed = re.search(r'<script type="application/gzip" id="plotly">([^<]*)</script>', text)[1]
    assert gzip.decompress(b64decode(packed)).decode() == get_plotlyjs()
    assert len(text) < len(get_plotlyjs()) / 2


def test_it_has_a_sentence_for_browsers_that_can_not_draw_the_charts(swept):
    text = swept.text
    assert re.search(r'id="no-charts" hidden>This browser can\'t unpack the charts', text)
    assert '<noscript><p class="notes">The charts need JavaScript' in text


def test_costs_have_a_logarithmic_axis_and_shares_have_not(swept):
    text = swept.text
    charts = re.findall(r'<h3>([^<]*)</h3>\s*<div class="chart".*?class="figure">(.*?)</script>', text, re.S)
    types = {title: json.loads(figure)["layout"]["yaxis"].get("type") for title, figure in charts}
    assert types["Cost on the training images"] == "log"
    assert types["Test images read correctly"] is None


def test_every_named_run_links_to_its_page_in_mlflow(swept):
    text = swept.text
    links = re.findall(r'<a class="run" href="([^"?]*)[^"]*"[^>]*>([^<]*)</a>', text)
    runs = load_runs(tracking_server=swept.uri)
    experiment_id = swept.experiment("shuffle")
    pages = f"http://127.0.0.1:5000/#/experiments/{experiment_id}/runs"
    found = {name: address for address, name in links if name.startswith("seed=")}
    assert len(found) == 4  # the best and the worst of each group
    for name, address in found.items():
        assert address == f"{pages}/{runs.loc[runs['name'] == name, 'run_id'].item()}"
    assert (f"{pages}/{swept.sweep_id}", "sweep") in links


def test_its_links_lead_to_the_server_of_the_store_without_a_login(swept, monkeypatch):
    monkeypatch.setattr(charts, "server_of", lambda client: "https://me:secret@example.org/mlflow/")
    links = run_links(swept.client, select(swept.client, [], everything=False))
    assert len(links) == 11
    assert all(link.startswith("https://example.org/mlflow/#/experiments/") for link in links.values())


def test_a_number_in_a_table_bears_its_heading_for_narrow_screens(swept):
    text = swept.text
    assert re.search(r'<td data-heading="test"><span>92\.00 ± 1\.58</span>', text)


@pytest.mark.parametrize(
    ("description", "title"),
    [
        ("Ten seeds at a rate of 1.5. What does it learn?", "What does it learn?"),
        ("Two starts, three widths: how large is the answer to noise? And why?", "How large is the answer to noise?"),
        ("No question at all.", "shuffle"),
        ("", "shuffle"),
    ],
)
def test_its_title_is_the_question_that_the_experiment_asks(store, description, title):
    sweep_id, _ = store.sweep(SHUFFLE.model_copy(update={"description": description}), metrics)
    text = report_on(store, select(store.client, [sweep_id], everything=False))
    assert re.search("<h1>(.*?)</h1>", text)[1] == title
    assert "shuffle" in re.search("<title>(.*?)</title>", text)[1]


def test_one_network_is_not_called_networks(store):
    sweep_id, _ = store.sweep(
        SHUFFLE.model_copy(update={"seeds": (0,), "corruption": CorruptionSettings(fractions=(0,))}), metrics
    )
    selection = select(store.client, [sweep_id], everything=False)
    assert "<li>1 network</li>" in report_on(store, selection)


def test_its_contents_lead_to_every_heading(swept):
    nav = re.search(r'<nav class="contents".*?</nav>', swept.text, re.S)[0]
    assert re.findall('href="#(.*?)">(.*?)</a>', nav) == re.findall('<h2 id="(.*?)">(.*?)</h2>', swept.text)


def test_it_shows_the_numbers_of_the_comparison(swept):
    text = swept.text
    groups = records(compare_all(swept.selection.cells))
    versus = groups[1]["test/accuracy"]["versus"]
    assert f"{100 * groups[0]['test/accuracy']['mean']:.2f}" in text
    assert f"{100 * versus['difference']:+.2f}".replace("-", "−") in text
    assert f"{versus['p_adjusted']:.3f}" in text
    runs = load_runs(tracking_server=swept.uri)
    assert groups[0]["test/accuracy"]["mean"] == pytest.approx(runs[runs["fraction"] == 0]["test/accuracy"].mean())


def test_it_shows_the_first_layer_of_the_best_cell_of_each_group(swept):
    text = swept.text
    assert len(re.findall(r'title="neuron \d+, (?:trained|change)"><img src="data:image/png', text)) == 2 * 2 * 16
    assert "seed=4 shuffle=0.00" in text
    assert "<details>" not in text


def test_the_other_neurons_of_a_wide_layer_are_in_a_fold_up_to_a_limit_that_is_named(store):
    wide = SHUFFLE.model_copy(update={"networks": (SHUFFLE.networks[0].model_copy(update={"hidden": (70,)}),)})
    sweep_id, _ = store.sweep(wide, metrics, weights=True)
    text = report_on(store, select(store.client, [sweep_id], everything=False))
    folds = re.findall(r"<details>(.*?)</details>", text, re.S)
    assert len(folds) == 2
    assert "<summary>The other neurons, up to number 64 of 70</summary>" in folds[0]
    assert re.findall(r'title="neuron (\d+), trained"', folds[0]) == [str(number) for number in range(17, 65)]


def test_it_shows_the_confusions_the_misread_digits_and_the_noise_that_were_asked(swept):
    text = swept.text
    selection = select(swept.client, [], everything=False)
    comparison = compare_all(selection.cells)
    asked = image_answers.ask(swept.client, comparison, median_cells(comparison), {})
    tables = re.findall(r'<table class="matrix">(.*?)</table>', text, re.S)
    assert len(tables) == 2
    for table, matrix in zip(tables, asked.confusions.values(), strict=True):
        shares = [float(share) / 100 for share in re.findall(r'title="\d read as \d: ([\d.]+)%"', table)]
        np.testing.assert_allclose(shares, matrix.ravel(), atol=0.0006)
    misread = re.findall(r'title="test image (\d+): a (\d), read as (\d) by (\d) of 5"', text)
    columns = (asked.misread.numbers, asked.misread.true, asked.misread.answers, asked.misread.votes)
    assert misread == [tuple(map(str, row)) for row in zip(*columns, strict=True)][:24]
    assert f"{len(asked.misread.numbers)} of 359 test images are misread" in text
    for images, answers in asked.noise["uniform"].values():
        assert len(images) == 4
        for digits in answers:
            assert f"<span>{digits.argmax()} at {digits.max():.2f}</span>" in text


def test_the_experiment_can_be_loaded_from_it(swept, tmp_path):
    recipe = re.search(r'<pre id="recipe">(.*?)</pre>', swept.text, re.S)
    path = tmp_path / "again.yaml"
    path.write_text(html.unescape(recipe[1]))
    assert load_experiment(str(path)) == SHUFFLE


def test_markup_in_a_description_is_escaped(store):
    nasty = SHUFFLE.model_copy(update={"description": "<script>alert(1)</script> & more"})
    sweep_id, _ = store.sweep(nasty, metrics)
    selection = select(store.client, [sweep_id], everything=False)
    text = report_on(store, selection)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_missing_metrics_weights_and_artifacts_leave_gaps_but_cause_no_error(store):
    store.sweep(SHUFFLE, lambda cell: {"train/cost": 0.5} if cell.seed else {})
    selection = select(store.client, [], everything=False)
    text = report_on(store, selection)
    assert "The accuracy on the test images was not measured." in text
    assert '<img src="data:image/png' not in text
    assert "the weights of 10 of 10 networks are gone or damaged" in text


def test_weights_that_are_gone_leave_a_gap_that_is_named(store):
    sweep_id, _ = store.sweep(SHUFFLE, metrics, weights=True)
    selection = select(store.client, [sweep_id], everything=False)
    best = shown_cells(compare_all(selection.cells))["run_id"].iloc[0]
    (store.folder / "artifacts" / "shuffle" / best / "artifacts" / "weights.npz").unlink()
    text = report_on(store, selection)
    assert text.count("Its weights are gone or damaged.") == 1
    assert text.count("full colour at") == 2  # of the other group


def test_it_is_made_without_the_data_set_too_and_says_so(store, monkeypatch):
    def unavailable(*_, **__):
        raise DataUnavailable("no network")

    sweep_id, _ = store.sweep(SHUFFLE, metrics, weights=True)
    monkeypatch.setattr(image_answers, "load", unavailable)
    text = report_on(store, select(store.client, [sweep_id], everything=False))
    assert "the data set digits was not available where this page was made" in text
    assert '<table class="matrix">' not in text
    assert "full colour at" in text


def test_it_says_when_the_seeds_tell_no_group_from_another(store):
    rng = np.random.default_rng(0)
    store.sweep(SHUFFLE, lambda cell: {"test/accuracy": rng.normal(0.9, 0.01)})
    text = report_on(store, select(store.client, [], everything=False))
    assert "These seeds do not tell it from chance." in text
