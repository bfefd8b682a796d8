"""Cells and curves out of MLflow's store, whoever else writes to it."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from typer.testing import CliRunner

import flows
from flows.cli.main import app
from flows.errors import ConfigurationError
from flows.plan.cell import PARAMS, RUN_COLUMNS
from flows.plan.experiment import Experiment
from flows.store import results, runs
from flows.store.mlflow_internals import database
from flows.store.results import find, load_runs, select
from flows.store.sweeps import named_sweeps


def experiment(name: str = "shuffle", **more) -> Experiment:
    return Experiment(name=name, **({"seeds": "0-2", "corruption": {"fractions": [0, 1]}} | more))


def figures(cell) -> dict[str, float]:
    return {"test/accuracy": 0.9 - 0.8 * cell.fraction + 0.01 * cell.seed, "noise/uniform/confidence": 0.5}


class TestRuns:
    def test_a_row_is_a_cell_with_its_params_and_last_values(self, store):
        sweep_id, cells = store.sweep(experiment(), figures)
        runs = load_runs("shuffle", tracking_server=store.uri)
        assert list(runs["cell"]) == list(cells)
        assert list(runs.columns[: len(RUN_COLUMNS) + len(PARAMS)]) == [*RUN_COLUMNS, *PARAMS]
        assert set(runs["sweep"]) == {sweep_id}
        assert list(runs["seed"]) == [0, 1, 2, 0, 1, 2]
        np.testing.assert_allclose(runs["test/accuracy"], [0.9, 0.91, 0.92, 0.1, 0.11, 0.12])
        assert list(runs["seconds"]) == [2.0] * 6

    def test_a_cell_that_finishes_while_its_store_is_read_does_not_disturb(self, store):
        store.sweep(experiment(), figures)

        class Interrupted:
            """A connection: after its first answer a cell finishes."""

            def __init__(self, connection) -> None:
                self.connection, self.answered = connection, False

            def execute(self, *question):
                answer = self.connection.execute(*question).all()
                if not self.answered:
                    self.answered = True
                    self.connection.rollback()
                    store.sweep(experiment(seeds="7"), figures)
                return answer

        experiment_id = store.experiment("shuffle")
        with database(store.client).connect() as connection:
            assert len(runs.cells_of_database(Interrupted(connection), experiment_id)) == 6
            assert len(runs.cells_of_database(connection, experiment_id)) == 8

    def test_types_are_those_that_are_documented(self, store):
        store.sweep(experiment(networks=[{"hidden": [16, 16]}]), figures)
        runs = load_runs(tracking_server=store.uri)
        assert runs["seed"].dtype == np.int64
        assert runs["fraction"].dtype == np.float64 or runs["fraction"].dtype == np.int64
        assert pd.api.types.is_string_dtype(runs["hidden"])
        assert str(runs["started"].dtype).endswith("UTC]")
        assert runs["test/accuracy"].dtype == np.float64

    def test_the_package_offers_them_without_importing_mlflow_for_the_command(self):
        assert flows.load_runs is load_runs
        code = "import sys, flows.cli.main; print(any(name in sys.modules for name in ('mlflow', 'prefect', 'pandas')))"
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "False"

    def test_the_latest_sweep_is_taken_with_cells_that_an_earlier_one_trained(self, store):
        first, cells = store.sweep(experiment(), figures)
        again = store.client.create_run(store.experiment("shuffle"), run_name="again", tags={"kind": "sweep"})
        wanted = dict(list({key: cell.name for key, cell in cells.items()}.items())[:2])
        store.client.log_dict(again.info.run_id, wanted, "cells.json")
        assert list(load_runs("shuffle", tracking_server=store.uri)["cell"]) == list(wanted)
        assert len(load_runs(first, tracking_server=store.uri)) == 6
        assert len(load_runs("shuffle", everything=True, tracking_server=store.uri)) == 6

    def test_of_two_runs_of_a_cell_the_later_counts(self, store):
        sweep_id, cells = store.sweep(experiment(), figures)
        key, cell = next(iter(cells.items()))
        run_id = store.cell(store.experiment("shuffle"), sweep_id, key, cell, {"test/accuracy": 0.5}, 1, False)
        store.client.get_run(run_id)
        runs = load_runs(tracking_server=store.uri)
        assert len(runs) == 6
        assert runs["run_id"].is_unique

    def test_several_experiments_come_together(self, store):
        store.sweep(experiment("one"), figures)
        store.sweep(experiment("two"), figures)
        runs = load_runs("one", "two", tracking_server=store.uri)
        assert list(runs["experiment"].value_counts()) == [6, 6]

    def test_cells_that_are_not_finished_are_told_of(self, store):
        store.sweep(experiment(), figures)
        runs = store.client.search_runs([store.experiment("shuffle")], "tags.kind = 'cell'")
        store.client.set_terminated(runs[0].info.run_id, "FAILED")
        store.client.delete_run(runs[1].info.run_id)
        selection = select(store.client, [], everything=False)
        assert selection.notes == ["2 of the 6 cells of sweep have not finished"]
        assert len(selection.cells) == 4

    @pytest.mark.parametrize("source", ["nix", "0" * 32, "..", "Default"])
    def test_what_is_not_there_is_named_with_what_is(self, store, source):
        store.sweep(experiment(), figures)
        with pytest.raises(ConfigurationError, match=r"experiment: '?.* given"):
            load_runs(source, tracking_server=store.uri)

    @pytest.mark.parametrize(("source", "method"), [("0" * 32, "get_run"), (None, "search_runs")])
    def test_a_store_that_can_not_be_reached_is_not_taken_for_an_empty_one(self, store, monkeypatch, source, method):
        def fail(*_):
            raise MlflowException("API request failed")

        monkeypatch.setattr(store.client, method, fail)
        with pytest.raises(MlflowException, match="API request failed"):
            find(store.client, source)

    def test_an_empty_store_says_what_to_do(self, store):
        with pytest.raises(ConfigurationError, match="no sweep has run yet; allowed: one that `mlp run` has made"):
            load_runs(tracking_server=store.uri)

    def test_in_a_store_with_thousands_of_experiments_ours_is_found_and_the_others_are_not_listed(self, store):
        store.sweep(experiment("mine"), figures)
        with closing(sqlite3.connect(store.folder / "mlflow.db")) as database, database:
            row = "insert into experiments (name, lifecycle_stage, creation_time, workspace) values (?, 'active', ?, ?)"
            later = 2_000_000_000_000
            database.executemany(row, [(f"someone-else-{i}", later, "default") for i in range(2500)])
        assert len(load_runs("mine", tracking_server=store.uri)) == 6
        assert len(load_runs(tracking_server=store.uri)) == 6
        assert [name for name, _ in named_sweeps(store.client)] == ["mine"]
        with pytest.raises(ConfigurationError, match=r"'nix' given; allowed: mine, or the run id of a sweep$"):
            load_runs("nix", tracking_server=store.uri)

    def test_a_sweep_without_its_list_of_cells_says_so(self, store):
        run = store.client.create_run(store.experiment("shuffle"), tags={"kind": "sweep"})
        with pytest.raises(ConfigurationError, match=f"sweep: {run.info.run_id} given, which has no cells.json"):
            load_runs(run.info.run_id, tracking_server=store.uri)


class TestLatestSweep:
    """The latest sweep is the latest that has finished cells."""

    def interrupted(self, store, status: str = "KILLED", cells: dict | None = None) -> str:
        tags = {"kind": "sweep"}
        run = store.client.create_run(store.experiment("shuffle"), run_name="interrupted", tags=tags)
        if cells is not None:
            store.client.log_dict(run.info.run_id, cells, "cells.json")
        store.client.set_terminated(run.info.run_id, status)
        return run.info.run_id

    @pytest.mark.parametrize("cells", [None, {"unknown": "seed=9 shuffle=0.00"}])
    @pytest.mark.parametrize("status", ["KILLED", "FAILED"])
    def test_an_interrupted_sweep_without_finished_cells_does_not_hide_the_one_before(self, store, status, cells):
        store.sweep(experiment(), figures)
        self.interrupted(store, status, cells)
        for source in ([], ["shuffle"]):
            selection = select(store.client, source, everything=False)
            assert len(selection.cells) == 6
            assert selection.notes == [f"interrupted ({status}) has no finished cell; sweep is shown"]

    def test_an_interrupted_sweep_whose_cells_another_one_finished_is_the_latest(self, store):
        _, cells = store.sweep(experiment(), figures)
        run_id = self.interrupted(store, cells=dict.fromkeys(cells, "name") | {"unknown": "seed=9"})
        selection = select(store.client, ["shuffle"], everything=False)
        assert selection.sweep.info.run_id == run_id
        assert selection.notes == ["1 of the 7 cells of interrupted have not finished"]

    def test_if_no_sweep_has_finished_cells_the_latest_says_what_is_missing(self, store):
        self.interrupted(store, cells={"unknown": "seed=9"})
        selection = select(store.client, ["shuffle"], everything=False)
        assert selection.cells.empty
        assert selection.notes == ["1 of the 1 cells of interrupted have not finished"]


class TestForeigners:
    """Another client writes to the same experiments."""

    @pytest.fixture
    def crowded(self, store):
        store.sweep(experiment(), figures)
        client, experiment_id = store.client, store.experiment("shuffle")
        plain = client.create_run(experiment_id)
        client.log_metric(plain.info.run_id, "loss", float("nan"))
        client.set_terminated(plain.info.run_id)
        nameless = client.create_run(experiment_id, tags={"kind": "cell"})
        client.set_terminated(nameless.info.run_id)
        odd = client.create_run(experiment_id, tags={"kind": "cell", "cell": "odd"})
        client.log_param(odd.info.run_id, "seed", "7")
        client.log_batch(odd.info.run_id, [Metric("seed", 1.0, 0, 0), Metric("strange", float("inf"), 0, 0)])
        client.set_terminated(odd.info.run_id)
        client.create_run(experiment_id, tags={"kind": "cell", "cell": "running"})
        gone = client.create_run(experiment_id, tags={"kind": "cell", "cell": "gone"})
        client.set_terminated(gone.info.run_id)
        client.delete_run(gone.info.run_id)
        client.delete_experiment(client.create_experiment("deleted"))
        return store

    def test_only_finished_cells_are_taken(self, crowded):
        assert len(load_runs("shuffle", tracking_server=crowded.uri)) == 6
        everything = load_runs("shuffle", everything=True, tracking_server=crowded.uri)
        assert len(everything) == 7
        odd = everything[everything["cell"] == "odd"].iloc[0]
        assert odd["seed"] == 7  # the param, not the metric of the same name
        assert pd.isna(odd["fraction"])

    def test_they_can_be_compared_all_the_same(self, crowded):
        from flows.report.compare import compare

        everything = load_runs("shuffle", everything=True, tracking_server=crowded.uri)
        comparison = compare(everything, baseline="fraction=0", tested=["test/accuracy"])
        assert [group["fraction"] for group in comparison.groups] == [0.0, 1.0, None]
        assert comparison.of("test/accuracy").seeds[2] == 0

    @pytest.mark.parametrize(
        "options",
        [
            [], ["--json"], ["--csv"], ["--markdown"], ["--html"], ["--all"], ["--all", "--json"], ["--all", "--html"],
            ["--baseline", "fraction=0"], ["--metric", "test/accuracy", "--by", "fraction,hidden"],
            ["--all", "--metric", "strange"],
        ],
    )  # fmt: skip
    def test_the_command_tells_of_them_without_a_traceback(self, crowded, options):
        answer = CliRunner().invoke(app, ["compare", "shuffle", *options, "--tracking-uri", crowded.uri])
        assert answer.exception is None
        assert answer.exit_code == 0
        if "--json" in options:
            groups = json.loads(answer.stdout, parse_constant=pytest.fail)
            assert [group["fraction"] for group in groups][:2] == [0, 1]

    def test_a_run_of_an_older_version_was_trained_with_the_defaults_of_newer_params(self, store):
        sweep_id, _ = store.sweep(experiment(seeds="0"), figures)
        run = store.client.create_run(
            store.experiment("shuffle"), tags={"kind": "cell", "cell": "old", "sweep": sweep_id}
        )
        for name, value in {"seed": "1", "fraction": "0"}.items():
            store.client.log_param(run.info.run_id, name, value)
        store.client.set_terminated(run.info.run_id)
        runs = load_runs("shuffle", everything=True, tracking_server=store.uri)
        assert runs["schedule"].nunique() == runs["learning_rate"].nunique() == 1

    def test_a_deleted_experiment_is_none(self, crowded):
        with pytest.raises(ConfigurationError, match="experiment: 'deleted' given; allowed: shuffle"):
            load_runs("deleted", tracking_server=crowded.uri)

    def test_the_quick_reading_finds_what_mlflows_client_finds(self, crowded, monkeypatch):
        experiment_id = crowded.experiment("shuffle")
        quick = runs.finished_cell_runs(crowded.client, experiment_id)
        monkeypatch.setattr(runs, "database", lambda client: None)
        slow = runs.finished_cell_runs(crowded.client, experiment_id)
        assert sorted(quick, key=lambda run: run.run_id) == sorted(slow, key=lambda run: run.run_id)
        assert len(quick) == 7


def test_two_kinds_of_output_at_once_are_refused():
    answer = CliRunner().invoke(app, ["compare", "--json", "--csv"])
    assert isinstance(answer.exception, ConfigurationError)
    assert str(answer.exception).endswith("several given; allowed: one")


class TestCurves:
    def test_a_row_is_a_cell_a_metric_and_a_step(self, store):
        store.sweep(experiment(), figures, steps=3)
        runs = load_runs(tracking_server=store.uri)
        curves = results.load_curves(runs, tracking_server=store.uri)
        assert list(curves.columns) == ["run_id", "metric", "step", "value"]
        assert len(curves) == 6 * 4
        joined = curves.merge(runs[["run_id", "seed", "fraction"]], on="run_id")
        one = joined[(joined["seed"] == 2) & (joined["fraction"] == 0)].sort_values("step")
        np.testing.assert_allclose(one["value"], [0, 0.92 / 3, 2 * 0.92 / 3, 0.92])
        assert len(results.load_curves("shuffle", ["test/accuracy"], tracking_server=store.uri)) == 6 * 4

    def test_they_are_those_of_mlflows_client(self, store):
        store.sweep(experiment(), figures)
        runs = load_runs(tracking_server=store.uri)
        curves = results.load_curves(runs, ["test/accuracy"], tracking_server=store.uri)
        for run_id, curve in curves.groupby("run_id"):
            theirs = store.client.get_metric_history(run_id, "test/accuracy")
            assert [(point.step, point.value) for point in theirs] == list(
                zip(curve["step"], curve["value"], strict=True)
            )

    def test_of_a_point_that_was_logged_twice_the_later_counts(self, store):
        store.sweep(experiment(), figures)
        runs = load_runs(tracking_server=store.uri)
        run_id = runs["run_id"][0]
        store.client.log_batch(run_id, [Metric("test/accuracy", 0.123, int(time.time() * 1000), 2)])
        curves = results.load_curves(runs, ["test/accuracy"], tracking_server=store.uri)
        points = curves[(curves["run_id"] == run_id) & (curves["step"] == 2)]
        assert list(points["value"]) == [0.123]

    def test_a_server_that_cuts_its_answer_is_asked_in_halves(self, monkeypatch):
        stored = {f"run{i}": [(step, i + step / 10) for step in range(3)] for i in range(5)}
        asked = []

        def points_of_server(client, run_ids, metric):
            asked.append(len(run_ids))
            points = [{"run_id": r, "step": s, "value": v, "timestamp": 7} for r in run_ids for s, v in stored[r]]
            return points[: runs.MAX_POINTS]

        monkeypatch.setattr(runs, "MAX_POINTS", 6)
        monkeypatch.setattr(runs, "points_of_server", points_of_server)
        monkeypatch.setattr(runs, "database", lambda client: None)
        found = list(runs.curve_points(None, list(stored), ["m"]))
        assert found == [(r, "m", s, v, 7) for r, points in stored.items() for s, v in points]
        assert max(asked) == 5
        assert min(asked) == 1
