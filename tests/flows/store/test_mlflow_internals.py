"""What is used of MLflow beyond its public API is still as it was; where not, a test says what has changed."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from flows.plan.experiment import Experiment
from flows.report import charts
from flows.store.cell_run import CellRun
from flows.store.mlflow_internals import (
    ADDRESSES,
    HISTORY,
    LOGGERS,
    MAX_POINTS,
    SHARED_VIEW,
    artifacts_at,
    database,
    made_by_older,
    picture_note,
    points_of_server,
)
from flows.store.runs import FINISHED, artifact_uri, curve_points, finished_cell_runs, finished_cells, search

SOME = Experiment(name="some", data={"name": "digits"}, seeds="0-3")


@pytest.fixture
def cells(store) -> dict:
    """A store with four cells, of which two are still finished, and one of these was trained again."""
    _, cells = store.sweep(SOME, lambda cell: {"test/accuracy": 0.9, "train/cost": float("inf")})
    store.sweep(SOME.model_copy(update={"name": "other"}), lambda cell: {"test/accuracy": 0.9})
    done = finished_cells(store.client, store.experiment("some"))
    first, second, third, _ = cells
    store.client.update_run(done[first], "FAILED")
    store.client.delete_run(done[second])
    for tags in ({"kind": "cell", "cell": third}, {"kind": "cell"}, {"kind": "group", "cell": "0"}):
        run_id = store.client.create_run(store.experiment("some"), 1_800_000_000_000, tags).info.run_id
        store.client.log_metric(run_id, "test/accuracy", float("nan"), 1, 1)
        store.client.set_terminated(run_id)
    return cells


def public_cells(store) -> list:
    """The finished cells of the experiment *some* as MLflow's client finds them."""
    runs = search(store.client, store.experiment("some"), FINISHED)
    return sorted((run for run in runs if "cell" in run.data.tags), key=lambda run: run.info.run_id)


def js() -> str:
    """The scripts of MLflow's pages."""
    pages = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
    return "".join(path.read_text(encoding="utf-8") for path in pages.glob("*.js"))


def test_a_client_of_a_database_says_which_and_its_tables_of_runs_hold_what_the_client_finds(store, cells):
    assert database(store.client), "MLflow's client keeps its engine elsewhere: look for it in `database`"
    public = public_cells(store)
    direct = sorted(finished_cell_runs(store.client, store.experiment("some")), key=lambda cell: cell.run_id)
    assert len(public) == 3
    for run, cell in zip(public, direct, strict=True):
        info = run.info
        assert (cell.run_id, cell.name) == (info.run_id, info.run_name), "MLflow stores runs or tags in another way"
        assert (cell.started, cell.ended) == (info.start_time, info.end_time), "MLflow stores times in another way"
        assert cell.tags == run.data.tags, "MLflow stores tags in another way"
        assert cell.params == run.data.params, "MLflow stores params in another way"
        both = [repr(sorted(metrics.items())) for metrics in (cell.metrics, run.data.metrics)]
        assert both[0] == both[1], "MLflow stores the last values of metrics in another way"


def test_the_finished_cells_of_the_database_are_those_that_mlflow_finds_the_latest_of_a_key(store, cells):
    found = finished_cells(store.client, store.experiment("some"))
    oldest_first = sorted(public_cells(store), key=lambda run: run.info.start_time)
    assert found == {run.data.tags["cell"]: run.info.run_id for run in oldest_first}
    assert set(found) == set(list(cells)[2:])


def test_curves_and_addresses_of_the_database_are_those_of_mlflows_client(store, cells):
    for run in public_cells(store):
        run_id = run.info.run_id
        history = store.client.get_metric_history(run_id, "test/accuracy")
        public = [(run_id, "test/accuracy", point.step, point.value, point.timestamp) for point in history]
        direct = [tuple(point) for point in curve_points(store.client, [run_id], ["test/accuracy"])]
        assert direct == [point for point in public if point[3] == point[3]], "MLflow stores curves in another way"
        assert artifact_uri(store.client, run_id) == run.info.artifact_uri, "MLflow stores addresses in another way"


def test_every_column_that_holds_an_address_of_artifacts_is_known(store):
    columns = set()
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as tables:
        for (table,) in tables.execute("select name from sqlite_master where type = 'table'").fetchall():
            names = [row[1] for row in tables.execute(f"pragma table_info({table})")]
            ours = ("artifact_location", "artifact_uri", "storage_location")
            columns |= {(table, name) for name in names if name in ours}
    columns.add(("model_versions", "source"))
    assert columns == set(ADDRESSES), "MLflow keeps addresses of artifacts in other columns: see `ADDRESSES`"


def test_a_server_answers_its_pages_question_for_curves(store, monkeypatch):
    from mlflow.server import app

    assert any(rule.rule == HISTORY for rule in app.url_map.iter_rules()), "MLflow's pages ask for curves elsewhere"
    asked = []

    class Answer:
        status_code, text = 200, json.dumps({"metrics": [{"step": 1}]})

        def json(self):
            return json.loads(self.text)

    def http_request(credentials, path, method, params):
        asked.append((credentials.host, path, method, params))
        return Answer()

    monkeypatch.setattr("mlflow.utils.rest_utils.http_request", http_request)
    client = MlflowClient("http://127.0.0.1:9")
    assert database(client) is None, "MLflow's client of a server has an engine: `database` takes it for a database"
    assert points_of_server(client, ["a", "b"], "m") == [{"step": 1}]
    question = {"run_id": ["a", "b"], "metric_key": "m", "max_results": MAX_POINTS}
    assert asked == [("http://127.0.0.1:9", HISTORY, "GET", question)]


def test_files_are_uploaded_to_the_address_of_a_run_as_mlflows_client_does_it(store, tmp_path):
    run = store.client.create_run(store.experiment("some"))
    (tmp_path / "a.txt").write_text("a")
    artifacts_at(store.client, run.info.artifact_uri).log_artifacts(str(tmp_path))
    listed = [file.path for file in store.client.list_artifacts(run.info.run_id)]
    assert listed == ["a.txt"], "MLflow's artifact repositories write elsewhere than its client reads"


def test_the_migrations_of_mlflows_tables_name_the_revisions_they_make(store):
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as tables:
        ((revision,),) = tables.execute("select version_num from alembic_version").fetchall()
    assert made_by_older(revision), "MLflow keeps the migrations of its tables elsewhere, or names them otherwise"
    assert not made_by_older("ffffffffffff")


def test_mlflows_pages_know_every_field_of_a_shared_view_and_the_address_of_a_picture():
    scripts = js()
    view = charts.run_list("", "", []) | charts.chart_page(
        [("s", "train/cost"), ("s", "b")], ["train/cost"], "tag", "g", "ab"
    )
    fields = {"viewStateShareKey", "compareRunsMode", SHARED_VIEW.rstrip("."), *view, *view["groupBy"]}
    for part in ("compareRunCharts", "compareRunSections"):
        fields |= {name for chart in view[part] for name in chart}
    fields |= {chart["type"] for chart in view["compareRunCharts"]}
    unknown = sorted(name for name in fields if name not in scripts)
    assert unknown == [], "MLflow's pages no longer know these fields of a shared view: see `flows.report.charts`"
    address = picture_note("x", "0", "x.png").partition("(")[2].partition("?")[0]
    assert address in scripts, "MLflow's pages fetch artifacts from another address: see `picture_note`"
    assert "run_uuid=" in scripts


def test_without_these_loggers_a_damaged_database_is_reported_once(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database" * 1000)
    code = f"""
import logging, sys
from mlflow import MlflowClient
for name in {LOGGERS}:
    logging.getLogger(name).setLevel(logging.CRITICAL)
try:
    MlflowClient(sys.argv[1]).search_experiments()
except Exception:
    pass
"""
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/x.db"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout + answer.stderr == "", "MLflow logs what it raises by another logger: see `LOGGERS`"


def test_a_repeated_point_is_stored_once(store):
    """Deliveries that fail half-way are sent again, which relies on it."""
    run = CellRun(store.experiment("some"), "x", {"kind": "cell", "cell": "x"}, {}, {}, planned=0)
    run.run_id = store.client.create_run(run.experiment_id).info.run_id
    for _ in range(2):
        store.client.log_batch(run.run_id, [Metric("m", 0.5, 7, 1)])
    assert len(store.client.get_metric_history(run.run_id, "m")) == 1, "MLflow stores a point that is sent twice twice"
