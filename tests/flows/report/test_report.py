"""What is written when a sweep ends: group runs, a chart page, a report and an answer in words."""

import json
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from flows.plan.cell import PARAMS, RUN_COLUMNS
from flows.plan.experiment import Experiment
from flows.plan.settings import CorruptionSettings, NetworkSettings
from flows.report import charts
from flows.report import summary as report
from flows.report.compare import compare
from flows.report.groups import groups_page
from flows.report.result import print_result
from flows.store import artifacts
from flows.store.experiments import find_champion
from flows.store.results import load_curves, load_runs, read_curves
from mlp.measures.metrics import METRICS, Metric

SHUFFLE = Experiment(
    name="shuffle", description="What is it for?", seeds="0-4", corruption={"fractions": [0, 0.5]},
    data={"name": "digits", "side": 8},
)  # fmt: skip


def metrics(cell) -> dict[str, float]:
    memorization = {"train/accuracy_memorized": 0.1, "train/accuracy_resisted": 0.7} if cell.fraction else {}
    return memorization | {
        "test/accuracy": 0.9 - 0.5 * cell.fraction + 0.01 * cell.seed,
        "train/cost": 0.2 + cell.fraction,
        "noise/uniform/confidence": 0.6 - 0.4 * cell.fraction + 0.02 * cell.seed,
    }


@pytest.fixture(scope="module")
def summarized(new_store):
    store = new_store()
    sweep_id, cells = store.sweep(SHUFFLE, metrics, weights=True)
    store.sweep_id = sweep_id
    report.summarize_sweep(store.client, store.experiment("shuffle"), sweep_id, SHUFFLE, cells)
    return store


def artifact(store, name: str) -> str:
    with artifacts.artifact(store.client, store.sweep_id, name) as path:
        return path.read_text(encoding="utf-8")


def group_runs(store) -> dict:
    found = store.client.search_runs([store.experiment("shuffle")], "tags.kind = 'group'")
    return {run.info.run_name: run for run in found}


def shared_view(store, key: str) -> dict:
    tags = store.client.get_experiment(store.experiment("shuffle")).tags
    return json.loads(json.loads(tags[f"mlflow.sharedViewState.{key}"])["state"])


class TestGroupRuns:
    def test_each_group_has_a_mean_a_lower_and_an_upper_run_under_the_sweep(self, summarized):
        runs = group_runs(summarized)
        assert sorted(runs) == [
            f"{share} shuffled: {s}" for share in ("half", "none") for s in ("lower", "mean", "upper")
        ]
        for run in runs.values():
            assert run.data.tags["mlflow.parentRunId"] == run.data.tags["sweep"] == summarized.sweep_id
            assert run.data.params["seeds"] == "5"
            assert "seed" not in run.data.params
            assert run.info.status == "FINISHED"
        assert {run.data.params["fraction"] for run in runs.values()} == {"0", "0.5"}

    def test_their_curves_are_the_mean_of_the_cells_at_each_step_and_both_ends_of_its_band(self, summarized):
        runs = group_runs(summarized)
        cells = load_runs(tracking_server=summarized.uri)
        points = read_curves(summarized.client, list(cells["run_id"]), ["test/accuracy"])
        curves = compare(cells).curves(points)["test/accuracy"]
        half = (curves.high - curves.low) / 2
        for name, expected in {"mean": curves.mean, "lower": curves.mean - half, "upper": curves.mean + half}.items():
            theirs = summarized.client.get_metric_history(runs[f"half shuffled: {name}"].info.run_id, "test/accuracy")
            assert [point.step for point in theirs] == [0, 1, 2, 3, 4]
            np.testing.assert_allclose([point.value for point in theirs], expected[1])

    def test_mlflows_average_of_any_figure_of_a_group_is_the_mean_and_its_band_as_wide_as_the_interval(
        self, summarized
    ):
        runs = list(group_runs(summarized).values())
        comparison = compare(load_runs(tracking_server=summarized.uri))
        for index, title in enumerate(("none shuffled", "half shuffled")):
            members = [run.data.metrics for run in runs if run.data.tags["group"].strip() == title]
            assert len(members) == 3
            for name in comparison.metrics:
                values = [metrics[name] for metrics in members if name in metrics]
                summary = comparison.of(name)
                assert np.mean(values or np.nan) == pytest.approx(summary.mean[index], nan_ok=True)
                if len(values) > 1:
                    assert max(values) - min(values) == pytest.approx(summary.high[index] - summary.low[index])

    @pytest.mark.parametrize("count", [2, 5, 12, 29])
    def test_no_two_groups_have_one_colour_of_mlflows_palette(self, count):
        cells = pd.DataFrame(
            [
                dict.fromkeys([*RUN_COLUMNS, *PARAMS], "")
                | {"fraction": round(0.01 * group, 2), "seed": 0, "corruption": "shuffle"}
                for group in range(count)
            ]
        )
        titles = charts.coloured_titles(comparison := compare(cells))
        # The checksum by its definition, rather than with the sums of each step.
        sums = [
            (sum(codes) % 255, sum(sum(codes[: end + 1]) for end in range(len(codes))) % 255)
            for codes in ([ord(letter) for letter in f"tag.group.{title}"] for title in titles)
        ]
        assert len({(256 * high + low) % 29 for low, high in sums}) == count
        assert [title.strip() for title in titles] == [comparison.title(index) for index in range(count)]

    def test_summarizing_a_sweep_again_replaces_them(self, summarized):
        cells = {cell.key("digest"): cell for cell in SHUFFLE.cells()}
        report.summarize_sweep(summarized.client, summarized.experiment("shuffle"), summarized.sweep_id, SHUFFLE, cells)
        assert len(group_runs(summarized)) == 6
        assert len(summarized.client.search_model_versions("name = 'shuffle'")) == 1

    def test_a_single_seed_gives_a_mean_run_but_no_interval(self, store):
        alone = SHUFFLE.model_copy(update={"seeds": (3,)})
        sweep_id, _ = store.sweep(alone, metrics)
        report.log_groups(
            store.client, store.experiment("shuffle"), sweep_id, compare(load_runs(tracking_server=store.uri)), {}
        )
        assert sorted(group_runs(store)) == ["half shuffled: mean", "none shuffled: mean"]


class TestChartPage:
    def test_it_groups_the_sweeps_group_runs_and_fits_into_a_tag(self, summarized):
        tags = summarized.client.get_experiment(summarized.experiment("shuffle")).tags
        text = tags[f"mlflow.sharedViewState.{charts.VIEW}"]
        assert len(text) < 5000  # MLflow's limit
        state = json.loads(json.loads(text)["state"])
        assert state["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "group"}]
        found = summarized.client.search_runs([summarized.experiment("shuffle")], state["searchFilter"])
        assert Counter(run.data.tags["group"].strip() for run in found) == {"none shuffled": 3, "half shuffled": 3}
        types = {chart["metricKey"]: chart["type"] for chart in state["compareRunCharts"]}
        assert types["test/accuracy"] == "LINE"
        assert types["noise/uniform/confidence"] == "BAR"
        assert "train/accuracy_clean" not in types  # it was not measured

    def test_it_fits_even_with_every_metric_and_eight_params(self, store):
        everything = dict.fromkeys((row.name for row in METRICS.values() if row.section), 0.5)
        store.sweep(SHUFFLE, lambda cell: everything)
        by = ["fraction", "hidden", "learning_rate", "batch_size", "momentum", "activation", "inputs", "rows"]
        cells = load_runs(tracking_server=store.uri)
        different = cells.assign(**{name: [f"{name}-{place}" for place in range(len(cells))] for name in by})
        state = groups_page("0" * 32, compare(different, by), list(everything))
        assert len(json.dumps({"name": "", "createdAt": 0, "state": json.dumps(state)})) < 5000

    def test_its_first_row_shows_what_is_memorized_and_the_answers_to_noise(self, summarized):
        state = shared_view(summarized, charts.VIEW)
        section = state["compareRunSections"][0]
        first = [chart for chart in state["compareRunCharts"] if chart["metricSectionId"] == section["uuid"]]
        row = [chart["metricKey"] for chart in first[: section["columns"]]]
        assert row == ["train/accuracy_memorized", "noise/uniform/confidence"]
        uuids = [chart["uuid"] for chart in state["compareRunCharts"]]
        assert len(uuids) == len(set(uuids))

    def test_its_bars_stand_beside_the_ends_of_their_intervals(self, summarized):
        drawn = {chart["metricKey"]: chart for chart in shared_view(summarized, charts.VIEW)["compareRunCharts"]}
        mean = group_runs(summarized)["none shuffled: mean"].data.metrics
        comparison = compare(load_runs(tracking_server=summarized.uri)).of("noise/uniform/confidence")
        bars = [mean[name] for name in drawn["noise/uniform/confidence"]["selectedMetricKeys"]]
        assert bars == pytest.approx([comparison.mean[0], comparison.low[0], comparison.high[0]])

    def test_while_a_sweep_trains_it_groups_its_cells_by_what_varies_among_them(self, store):
        experiment = SHUFFLE.model_copy(update={"networks": tuple(NetworkSettings(hidden=(n,)) for n in (8, 16))})
        sweep_id, cells = store.sweep(experiment, metrics)
        charts.publish_chart_view(store.client, store.experiment("shuffle"), sweep_id, cells.values())
        state = shared_view(store, charts.VIEW)
        by = [key["groupByData"] for key in state["groupBy"]["groupByKeys"]]
        assert by == ["fraction", "hidden"]
        found = store.client.search_runs([store.experiment("shuffle")], state["searchFilter"])
        assert {run.data.tags["cell"] for run in found} == set(cells)
        assert {chart["type"] for chart in state["compareRunCharts"]} == {"PARALLEL", "LINE"}

    def test_the_table_of_sweeps_shows_the_means_that_every_sweep_logs(self, summarized):
        state = shared_view(summarized, charts.SWEEPS)
        (run,) = summarized.client.search_runs([summarized.experiment("shuffle")], state["searchFilter"])
        columns = [re.fullmatch("metrics.`(.+)`", column)[1] for column in state["selectedColumns"]]
        words = list(dict.fromkeys(column.split()[0] for column in columns))
        assert words == sorted(words) == ["accuracy", "memorized", "noise"]  # MLflow sorts them
        assert {"accuracy 0", "memorized 0.5", "noise 0.5"} <= set(columns)
        assert all(value == round(value, 4) for value in run.data.metrics.values())
        assert set(columns) <= set(run.data.metrics)

    def test_the_table_of_cells_is_flat_and_shows_what_tells_finished_cells_apart_and_what_they_measured(self, store):
        sweep_id, cells = store.sweep(SHUFFLE, metrics, weights=True)
        experiment_id = store.experiment("shuffle")
        client = store.client
        client.set_terminated(client.create_run(experiment_id, tags={"kind": "cell"}).info.run_id, "KILLED")
        report.summarize_sweep(client, experiment_id, sweep_id, SHUFFLE, cells)
        state = shared_view(store, charts.CELLS)
        found = client.search_runs([experiment_id], state["searchFilter"])
        assert {run.data.tags["cell"] for run in found} == set(cells)
        columns = state["selectedColumns"]
        assert columns[:2] == ["params.`fraction`", "params.`seed`"]
        assert {"metrics.`test/accuracy`", "metrics.`noise/uniform/confidence`"} <= set(columns)
        note = client.get_experiment(experiment_id).tags["mlflow.note.content"]
        assert f"viewStateShareKey={charts.CELLS}" in note

    def test_the_experiments_description_begins_in_plain_words_and_links_to_the_pages(self, summarized):
        note = summarized.client.get_experiment(summarized.experiment("shuffle")).tags["mlflow.note.content"]
        assert re.match(r"[\w ]{30,}", note)  # MLflow's list of experiments shows Markdown as it is
        assert f"viewStateShareKey={charts.SWEEPS}" in note
        assert "What is it for?" in note
        assert f"viewStateShareKey={charts.VIEW}" in note
        assert f"{summarized.sweep_id}/artifacts/report.html" in note

    def test_the_description_names_every_metric_and_fits_into_a_tag_beside_the_longest_description(self, store):
        experiment_id = store.experiment("shuffle")
        charts.describe(store.client, experiment_id, "0" * 32, "x" * 2000)
        note = store.client.get_experiment(experiment_id).tags["mlflow.note.content"]
        for row in METRICS.values():
            assert row.title.partition(", ")[0] in note
            assert f"`{row.name.split('/')[-1] if row.name.startswith('noise/') else row.name}`" in note
        assert len(note) <= 5000  # MLflow's limit

    def test_a_description_written_by_a_user_is_kept(self, store):
        sweep_id, cells = store.sweep(SHUFFLE, metrics, weights=True)
        experiment_id = store.experiment("shuffle")
        store.client.set_experiment_tag(experiment_id, "mlflow.note.content", "Mine.")
        report.summarize_sweep(store.client, experiment_id, sweep_id, SHUFFLE, cells)
        assert store.client.get_experiment(experiment_id).tags["mlflow.note.content"] == "Mine."


class TestSweepRun:
    def test_a_sweep_without_finished_cells_gets_no_report(self, store):
        experiment_id = store.experiment("shuffle")
        run = store.client.create_run(experiment_id, tags={"kind": "sweep"})
        store.client.log_dict(run.info.run_id, {"key": "name"}, "cells.json")
        report.summarize_sweep(store.client, experiment_id, run.info.run_id, SHUFFLE, {})
        assert [file.path for file in store.client.list_artifacts(run.info.run_id)] == ["cells.json"]

    def test_its_answer_is_the_description_of_the_sweeps_run(self, summarized):
        note = summarized.client.get_run(summarized.sweep_id).data.tags["mlflow.note.content"]
        assert note.startswith("The networks read 92.00 % of the test images correctly (none shuffled)")

    def test_its_picture_shows_every_group_by_epoch_and_at_the_end(self, summarized):
        cells = load_runs(tracking_server=summarized.uri)
        comparison = compare(cells)
        points = read_curves(summarized.client, list(cells["run_id"]), ["train/cost", "test/accuracy"])
        cost, accuracy, final = report.story(comparison, points).axes
        for axes, metric in ((cost, "train/cost"), (accuracy, "test/accuracy")):
            for line, fraction in zip(axes.lines, (0, 0.5), strict=True):
                last = cells[cells["fraction"] == fraction][metric].mean()
                np.testing.assert_allclose(line.get_ydata(), last * np.arange(5) / 4)
        assert [text.get_text() for text in final.get_xticklabels()] == ["0", "0.5"]
        assert [text.get_text() for text in final.get_legend().get_texts()] == ["memorized", "test", "noise"]
        with (
            artifacts.artifact(summarized.client, summarized.sweep_id, report.STORY) as path,
            Image.open(path) as picture,
        ):
            assert picture.width <= 553  # of the description on MLflow's page, in a window of 1,280

    def test_its_run_has_the_common_settings_as_params_and_the_headlines_of_each_group_as_metrics(self, summarized):
        run = summarized.client.get_run(summarized.sweep_id)
        assert run.data.params["hidden"] == "16-16"
        assert "fraction" not in run.data.params
        assert "seed" not in run.data.params
        assert run.data.metrics["accuracy 0.5"] == pytest.approx(0.67)
        assert run.data.metrics["accuracy 0.5 std"] == round(np.std([0, 1, 2, 3, 4], ddof=1) / 100, 4)

    def test_it_names_the_data_that_its_cells_were_trained_on(self, summarized):
        (known,) = summarized.client.get_run(summarized.sweep_id).inputs.dataset_inputs
        assert known.dataset.name == "digits"


def test_a_metric_added_to_the_table_appears_in_curves_comparisons_reports_and_charts(store, monkeypatch):
    row = Metric("test/ones", "Answers that are 1", "ones", "What is learned", measure=lambda answers: 0.5)
    monkeypatch.setitem(METRICS, row.name, row)
    sweep_id, cells = store.sweep(SHUFFLE, lambda cell: metrics(cell) | {"test/ones": 0.5}, weights=True)
    report.summarize_sweep(store.client, store.experiment("shuffle"), sweep_id, SHUFFLE, cells)
    assert "test/ones" in set(load_curves("shuffle", tracking_server=store.uri)["metric"])
    assert compare(load_runs("shuffle", tracking_server=store.uri)).of("test/ones").mean == pytest.approx([0.5, 0.5])
    store.sweep_id = sweep_id
    assert "<h3>Answers that are 1</h3>" in artifact(store, "report.html")
    tags = store.client.get_experiment(store.experiment("shuffle")).tags
    assert "test/ones" in tags[f"mlflow.sharedViewState.{charts.VIEW}"]


def test_a_rerun_registers_a_champion_that_was_deleted_and_leaves_one_that_is_there(store):
    sweep_id, cells = store.sweep(SHUFFLE, metrics, weights=True)
    best = (store.client, store.experiment("shuffle"), sweep_id, "shuffle", cells)
    for _ in range(2):
        report.register_best(*best)
        assert find_champion(store.client, "shuffle").version == 1
    store.client.delete_registered_model("shuffle")
    assert find_champion(store.client, "shuffle") is None
    report.register_best(*best)
    champion = find_champion(store.client, "shuffle")
    runs = load_runs("shuffle", tracking_server=store.uri)
    assert champion.run_id == runs.loc[runs["test/accuracy"].idxmax(), "run_id"]


class TestPrintedResult:
    def test_cells_that_answer_all_training_images_alike_are_reported_in_the_last_line(self, store):
        def some_did_not_learn(cell) -> dict[str, float]:
            return metrics(cell) | {"train/accuracy": 0.1 if cell.seed == 0 else 0.5}

        _, cells = store.sweep(SHUFFLE, some_did_not_learn)
        console = Console(width=80, record=True)
        print_result(store.client, SHUFFLE, list(cells), None, console)
        stuck = sum(cell.seed == 0 for cell in cells.values())
        last = console.export_text().splitlines()[-1]
        assert last.startswith(f"warning: {stuck} of {len(cells)} cells did not learn")

    def test_cells_whose_labels_are_all_shuffled_are_not_expected_to_learn(self, store):
        shuffled = SHUFFLE.model_copy(update={"corruption": CorruptionSettings(fractions=(1,))})
        _, cells = store.sweep(shuffled, lambda cell: metrics(cell) | {"train/accuracy": 0.1})
        console = Console(width=80, record=True)
        print_result(store.client, shuffled, list(cells), None, console)
        assert "did not learn" not in console.export_text()

    def test_the_last_lines_give_the_command_to_type_and_the_pages_to_open(self, summarized):
        console = Console(width=80, record=True)
        keys = [cell.key("digest") for cell in SHUFFLE.cells()]
        print_result(summarized.client, SHUFFLE, keys, summarized.sweep_id, console)
        text = console.export_text()
        assert "92.00 ± 1.58" in text
        assert "Compare:\nmlp compare shuffle --baseline fraction=0" in text
        assert f"viewStateShareKey={charts.VIEW}" in text
        path = re.search(r"Report:\n(\S+)", text)
        with open(path[1], encoding="utf-8") as file:
            assert file.read().startswith("<!doctype html>")
