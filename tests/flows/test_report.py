"""What a sweep leaves behind: group runs, a chart page, a report, an answer in words."""

import json
import re

import numpy as np
import pytest
from rich.console import Console

from flows import report, views
from flows.compare import compare
from flows.experiment import Experiment
from flows.page import page
from flows.results import load_runs, read_curves, select

SHUFFLE = Experiment(
    name="shuffle", description="What is it for?", seeds="0-4", corruption={"fractions": [0, 0.5]},
    data={"name": "digits", "side": 8},
)  # fmt: skip


def figures(cell) -> dict[str, float]:
    spoiled = {"train/accuracy_memorized": 0.1, "train/accuracy_resisted": 0.7} if cell.fraction else {}
    return spoiled | {
        "test/accuracy": 0.9 - 0.5 * cell.fraction + 0.01 * cell.seed,
        "train/cost": 0.2 + cell.fraction,
        "noise/uniform/confidence": 0.6 - 0.4 * cell.fraction + 0.02 * cell.seed,
    }


@pytest.fixture(scope="module")
def summed_up(new_store):
    store = new_store()
    sweep_id, cells = store.sweep(SHUFFLE, figures, weights=True)
    store.sweep_id = sweep_id
    report.summarise(store.client, store.experiment("shuffle"), sweep_id, SHUFFLE, cells)
    return store


def artifact(store, name: str) -> str:
    with open(store.client.download_artifacts(store.sweep_id, name), encoding="utf-8") as file:
        return file.read()


def group_runs(store) -> dict:
    found = store.client.search_runs([store.experiment("shuffle")], "tags.kind = 'group'")
    return {run.info.run_name: run for run in found}


class TestGroupRuns:
    def test_each_group_has_a_mean_a_lower_and_an_upper_run_below_the_sweep(self, summed_up):
        runs = group_runs(summed_up)
        assert sorted(runs) == [f"fraction={f} {s}" for f in ("0", "0.5") for s in ("lower", "mean", "upper")]
        for run in runs.values():
            assert run.data.tags["mlflow.parentRunId"] == run.data.tags["sweep"] == summed_up.sweep_id
            assert run.data.params["seeds"] == "5"
            assert "seed" not in run.data.params
            assert run.info.status == "FINISHED"
        assert {run.data.params["fraction"] for run in runs.values()} == {"0", "0.5"}

    def test_their_curves_are_the_interval_of_the_cells_curves_step_by_step(self, summed_up):
        runs = group_runs(summed_up)
        cells = load_runs(tracking_server=summed_up.uri)
        points = read_curves(summed_up.client, list(cells["run_id"]), ["test/accuracy"])
        curves = compare(cells).curves(points)["test/accuracy"]
        for name, figure in {"mean": curves.mean, "lower": curves.low, "upper": curves.high}.items():
            theirs = summed_up.client.get_metric_history(runs[f"fraction=0.5 {name}"].info.run_id, "test/accuracy")
            assert [point.step for point in theirs] == [0, 1, 2, 3, 4]
            np.testing.assert_allclose([point.value for point in theirs], figure[1])

    def test_mlflows_own_average_and_band_over_them_are_mean_and_interval(self, summed_up):
        runs = group_runs(summed_up)
        group = [runs[f"fraction=0 {name}"].data.metrics["test/accuracy"] for name in ("mean", "lower", "upper")]
        figures = compare(load_runs(tracking_server=summed_up.uri)).groups[0]["test/accuracy"]
        assert np.mean(group) == pytest.approx(figures["mean"])
        assert (min(group), max(group)) == pytest.approx((figures["low"], figures["high"]))

    def test_they_are_replaced_not_doubled_when_a_sweep_is_summed_up_again(self, summed_up):
        cells = {cell.key("digest"): cell for cell in SHUFFLE.cells()}
        report.summarise(summed_up.client, summed_up.experiment("shuffle"), summed_up.sweep_id, SHUFFLE, cells)
        assert len(group_runs(summed_up)) == 6
        assert len(summed_up.client.search_model_versions("name = 'shuffle'")) == 1

    def test_a_single_seed_has_a_mean_and_no_interval(self, store):
        alone = SHUFFLE.model_copy(update={"seeds": (3,)})
        sweep_id, _ = store.sweep(alone, figures)
        report.log_groups(
            store.client, store.experiment("shuffle"), sweep_id, compare(load_runs(tracking_server=store.uri)), {}
        )
        assert sorted(group_runs(store)) == ["fraction=0 mean", "fraction=0.5 mean"]


class TestChartPage:
    def test_it_groups_the_sweeps_group_runs_and_fits_into_a_tag(self, summed_up):
        tags = summed_up.client.get_experiment(summed_up.experiment("shuffle")).tags
        text = tags[f"mlflow.sharedViewState.{views.VIEW}"]
        assert len(text) < 5000  # what MLflow takes
        state = json.loads(json.loads(text)["state"])
        assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "fraction"}]
        found = summed_up.client.search_runs([summed_up.experiment("shuffle")], state["searchFilter"])
        assert len(found) == 6
        charts = {chart["metricKey"]: chart["type"] for chart in state["compareRunCharts"]}
        assert charts["test/accuracy"] == "LINE"
        assert charts["noise/uniform/confidence"] == "BAR"
        assert "train/accuracy_clean" not in charts  # which nobody measured

    def test_it_fits_even_with_every_metric_and_eight_params(self, store):
        everything = dict.fromkeys((name for names in views.SECTIONS.values() for name in names), 0.5)
        store.sweep(SHUFFLE, lambda cell: everything)
        by = ["fraction", "hidden", "learning_rate", "batch_size", "momentum", "activation", "inputs", "rows"]
        cells = load_runs(tracking_server=store.uri)
        different = cells.assign(**{name: [f"{name}-{place}" for place in range(len(cells))] for name in by})
        state = views.state("0" * 32, compare(different, by), list(everything))
        assert len(json.dumps({"name": "", "createdAt": 0, "state": json.dumps(state)})) < 5000

    def test_the_description_leads_to_it_and_to_the_report(self, summed_up):
        note = summed_up.client.get_experiment(summed_up.experiment("shuffle")).tags["mlflow.note.content"]
        assert "What is it for?" in note
        assert f"viewStateShareKey={views.VIEW}" in note
        assert f"{summed_up.sweep_id}/artifacts/report.html" in note

    def test_a_description_that_someone_wrote_stays(self, store):
        sweep_id, cells = store.sweep(SHUFFLE, figures, weights=True)
        experiment_id = store.experiment("shuffle")
        store.client.set_experiment_tag(experiment_id, "mlflow.note.content", "Mine.")
        report.summarise(store.client, experiment_id, sweep_id, SHUFFLE, cells)
        assert store.client.get_experiment(experiment_id).tags["mlflow.note.content"] == "Mine."


class TestReport:
    def test_it_needs_nothing_from_outside(self, summed_up):
        text = artifact(summed_up, "report.html")
        assert len(text) < 6e6
        ours = text.replace(text[text.index("/**") : text.index("const style")], "")  # without plotly.js
        assert not re.findall(r"""(?:src|href)=["'](?!data:)|url\(|@import|https?://""", ours)

    def test_it_tells_the_numbers_that_the_command_prints(self, summed_up):
        text = artifact(summed_up, "report.html")
        groups = json.loads(artifact(summed_up, "comparison.json"))["groups"]
        versus = groups[1]["test/accuracy"]["versus"]
        assert f"{100 * groups[0]['test/accuracy']['mean']:.2f}" in text
        assert f"{100 * versus['difference']:+.2f}".replace("-", "−") in text
        assert f"{versus['p_adjusted']:.3f}" in text
        runs = load_runs(tracking_server=summed_up.uri)
        assert groups[0]["test/accuracy"]["mean"] == pytest.approx(runs[runs["fraction"] == 0]["test/accuracy"].mean())

    def test_it_has_pictures_of_the_weights_of_both_groups_best_cells(self, summed_up):
        text = artifact(summed_up, "report.html")
        assert text.count('<img src="data:image/png') == 2 * 2 * 16
        assert "seed=4 shuffle=0.00" in text

    def test_it_can_be_run_again_from_what_it_shows(self, summed_up, tmp_path):
        import html

        from flows.configuration import load_experiment

        recipe = re.search(r'<pre id="recipe">(.*?)</pre>', artifact(summed_up, "report.html"), re.S)
        path = tmp_path / "again.yaml"
        path.write_text(html.unescape(recipe[1]))
        assert load_experiment(str(path)) == SHUFFLE

    def test_names_and_descriptions_are_text_and_no_markup(self, store):
        nasty = SHUFFLE.model_copy(update={"description": "<script>alert(1)</script> & more"})
        sweep_id, _ = store.sweep(nasty, figures)
        selection = select(store.client, [sweep_id], everything=False)
        text = page(store.client, selection, ["fraction"], "")
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text

    def test_missing_metrics_weights_and_artifacts_leave_gaps_and_no_error(self, store):
        store.sweep(SHUFFLE, lambda cell: {"train/cost": 0.5} if cell.seed else {})
        selection = select(store.client, [], everything=False)
        text = page(store.client, selection, ["fraction"], "")
        assert "The accuracy on the test images was not measured." in text
        assert '<img src="data:image/png' not in text

    def test_a_sweep_where_nothing_differs_says_so(self, store):
        rng = np.random.default_rng(0)
        store.sweep(SHUFFLE, lambda cell: {"test/accuracy": rng.normal(0.9, 0.01)})
        text = page(store.client, select(store.client, [], everything=False), ["fraction"], "")
        assert "Nothing differs" in text

    def test_a_sweep_without_a_finished_cell_leaves_nothing(self, store):
        experiment_id = store.experiment("shuffle")
        run = store.client.create_run(experiment_id, tags={"kind": "sweep"})
        store.client.log_dict(run.info.run_id, {"key": "name"}, "cells.json")
        report.summarise(store.client, experiment_id, run.info.run_id, SHUFFLE, {})
        assert [file.path for file in store.client.list_artifacts(run.info.run_id)] == ["cells.json"]

    def test_the_sweep_is_described_by_its_answer(self, summed_up):
        note = summed_up.client.get_run(summed_up.sweep_id).data.tags["mlflow.note.content"]
        assert note.startswith("The networks read 92.00 % of the test images correctly at fraction=0")


class TestSweep:
    def test_its_picture_shows_every_group_by_epoch_and_at_the_end(self, summed_up):
        cells = load_runs(tracking_server=summed_up.uri)
        comparison = compare(cells)
        points = read_curves(summed_up.client, list(cells["run_id"]), ["train/cost", "test/accuracy"])
        cost, accuracy, final = report.picture(comparison, points).axes
        for axes, metric in ((cost, "train/cost"), (accuracy, "test/accuracy")):
            for line, fraction in zip(axes.lines, (0, 0.5), strict=True):
                last = cells[cells["fraction"] == fraction][metric].mean()
                np.testing.assert_allclose(line.get_ydata(), last * np.arange(5) / 4)
        assert [text.get_text() for text in final.get_xticklabels()] == ["0", "0.5"]
        assert [text.get_text() for text in final.get_legend().get_texts()] == ["memorized", "test", "noise"]
        assert report.PICTURE in [file.path for file in summed_up.client.list_artifacts(summed_up.sweep_id)]

    def test_it_names_the_data_that_its_cells_were_trained_on(self, summed_up):
        (known,) = summed_up.client.get_run(summed_up.sweep_id).inputs.dataset_inputs
        assert known.dataset.name == "digits"


class TestAnnouncement:
    def test_the_last_lines_are_what_to_type_and_open(self, summed_up):
        console = Console(width=80, record=True)
        keys = [cell.key("digest") for cell in SHUFFLE.cells()]
        report.announce(summed_up.client, "shuffle", keys, summed_up.sweep_id, console)
        text = console.export_text()
        assert "92.00 ± 1.58" in text
        assert "Compare: mlp compare shuffle --baseline fraction=0" in text
        assert f"viewStateShareKey={views.VIEW}" in text
        path = re.search(r"Report: +(\S+)", text)
        with open(path[1], encoding="utf-8") as file:
            assert file.read().startswith("<!doctype html>")
