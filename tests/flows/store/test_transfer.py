"""A sweep taken from one store to another: what arrives is what left, once, whatever happens on the way."""

import hashlib
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.store import transfer_export
from flows.store.results import load_curves, load_runs, select
from flows.store.runs import log_datasets
from flows.store.transfer import MANIFEST, read_export
from flows.store.transfer_export import export_sweep
from flows.store.transfer_import import Imported, import_sweep

MINE = Experiment(name="mine", description="What for?", seeds="0-1", corruption={"fractions": [0, 1]},
                  data={"name": "digits", "side": 8})  # fmt: skip
DATASET = {"name": "digits", "digest": "abc", "source_type": "scikit-learn", "source": "{}", "profile": "{}"}


def figures(cell) -> dict[str, float]:
    return {"test/accuracy": 0.9 - 0.3 * cell.fraction + 0.01 * cell.seed, "noise/uniform/confidence": 0.5}


def fill(store) -> str:
    """A sweep with a group run, data sets, and artifacts that name runs."""
    sweep_id, _ = store.sweep(MINE, figures, weights=True)
    runs = load_runs("mine", tracking_server=store.uri)
    store.client.log_text(sweep_id, runs.to_csv(index=False), "cells.csv")
    link = f"#/experiments/{store.experiment('mine')}/runs/{sweep_id}"
    store.client.log_text(sweep_id, f"<a href='{link}'>sweep</a>", "report.html")
    store.client.log_text(sweep_id, "inner", "claim/inner.txt")
    store.client.set_tag(sweep_id, "mlflow.note.content", f"[The report]({link})")
    store.client.set_tag(sweep_id, "sweep", sweep_id)
    log_datasets(store.client, sweep_id, [DATASET])
    tags = {"mlflow.parentRunId": sweep_id, "sweep": sweep_id, "kind": "group"}
    group = store.client.create_run(store.experiment("mine"), run_name="half: mean", tags=tags).info.run_id
    store.client.log_batch(group, [Metric("test/accuracy", 0.7, 5, 1)])
    store.client.set_terminated(group)
    store.client.log_text(runs["run_id"][0], "import os", "model/model.py")
    return sweep_id


def export(store, folder: Path, source: str = "mine") -> Path:
    export_sweep(store.client, select(store.client, [source], everything=False), folder)
    return folder


def bring(store, folder: Path) -> Imported:
    return import_sweep(store.client, read_export(folder))


def seal(folder: Path, **changes) -> None:
    """Give the manifest of a changed export the right checksums, as somebody would who wants it to be imported."""
    manifest = json.loads((folder / MANIFEST).read_text())
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    sums = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (folder / MANIFEST).write_text(json.dumps(manifest | {"files": sums} | changes))


def contents(store) -> dict[str, object]:
    """All rows of a database and all artifacts."""
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as database:
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        rows = {name: sorted(map(repr, database.execute(f'select * from "{name}"'))) for name in names}
    files = (store.folder / "artifacts").rglob("*")
    return rows | {str(path): path.read_bytes() for path in files if path.is_file()}


def run_of(store, kind: str):
    (run,) = store.client.search_runs([store.experiment("mine")], f"tags.kind = '{kind}'")
    return run


def cells_of(store) -> dict:
    found = store.client.search_runs([store.experiment("mine")], "tags.kind = 'cell'")
    cells = {run.data.tags["cell"]: run for run in found}
    assert len(cells) == len(found), "a cell is there twice"
    return cells


@pytest.fixture(scope="module")
def source(new_store):
    store = new_store()
    store.sweep_id = fill(store)
    return store


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory) -> Path:
    return export(source, tmp_path_factory.mktemp("parent") / "out")


@pytest.fixture(scope="module")
def arrived(new_store, exported):
    store = new_store()
    store.done = bring(store, exported)
    return store


class TestExport:
    def test_the_tables_are_those_of_load_runs_and_load_curves(self, source, exported):
        runs = load_runs("mine", tracking_server=source.uri)
        curves = load_curves(runs, tracking_server=source.uri)
        pd.testing.assert_frame_equal(pd.read_parquet(exported / "runs.parquet"), runs)
        pd.testing.assert_frame_equal(pd.read_parquet(exported / "curves.parquet"), curves)
        assert list(pd.read_csv(exported / "runs.csv").columns) == list(runs.columns)
        assert pd.read_csv(exported / "curves.csv", float_precision="round_trip")["value"].equals(curves["value"])

    def test_code_stays_behind(self, exported):
        assert not list(exported.rglob("model*"))

    def test_an_empty_folder_is_filled(self, source, exported, tmp_path):
        export(source, tmp_path)
        names = [{path.relative_to(folder) for path in folder.rglob("*")} for folder in (tmp_path, exported)]
        assert names[0] == names[1]

    @pytest.mark.parametrize("place", ["full", "file", "nowhere/out", "x" * 300])
    def test_a_folder_that_can_not_be_used_is_refused(self, source, tmp_path, place):
        (tmp_path / "full").mkdir()
        (tmp_path / "full/something").touch()
        (tmp_path / "file").touch()
        with pytest.raises(ConfigurationError, match=r"--to: .* given.*; allowed: "):
            export(source, tmp_path / place)

    @pytest.mark.parametrize("there", [True, False])
    def test_an_interrupted_export_leaves_nothing(self, source, tmp_path, monkeypatch, there):
        folder = tmp_path / "out"
        if there:
            folder.mkdir()
        monkeypatch.setattr(transfer_export, "version", lambda name: 1 / 0)  # after everything else was written
        with pytest.raises(ZeroDivisionError):
            export(source, folder)
        assert list(tmp_path.rglob("*")) == [folder] * there

    def test_a_running_sweep_is_refused(self, store, tmp_path):
        sweep_id, _ = store.sweep(MINE, figures)
        store.client.update_run(sweep_id, status="RUNNING")
        with pytest.raises(ConfigurationError, match="which is running"):
            export(store, tmp_path / "out")
        assert not (tmp_path / "out").exists()


class TestImport:
    def test_params_points_times_and_data_sets_are_those_of_the_source(self, source, arrived):
        there, here = cells_of(source), cells_of(arrived)
        assert there.keys() == here.keys()
        pairs = [(there[key], here[key]) for key in there]
        for theirs, ours in [*pairs, *((run_of(source, kind), run_of(arrived, kind)) for kind in ("sweep", "group"))]:
            assert ours.data.params == theirs.data.params
            assert ours.data.metrics == theirs.data.metrics
            for name in theirs.data.metrics:
                points = [store.client.get_metric_history(run.info.run_id, name) for store, run in
                          ((source, theirs), (arrived, ours))]  # fmt: skip
                both = [[(point.value, point.step, point.timestamp) for point in part] for part in points]
                assert both[0] == both[1]
            for field in ("run_name", "status", "start_time", "end_time"):
                assert getattr(ours.info, field) == getattr(theirs.info, field)
            assert [item.dataset.to_dictionary() for item in ours.inputs.dataset_inputs] == [
                item.dataset.to_dictionary() for item in theirs.inputs.dataset_inputs
            ]

    def test_tags_and_artifacts_name_the_runs_of_this_store(self, source, arrived):
        sweep, group = run_of(arrived, "sweep"), run_of(arrived, "group")
        sweep_id, number = sweep.info.run_id, arrived.experiment("mine")
        assert sweep_id != source.sweep_id
        for run in (*cells_of(arrived).values(), group):
            assert run.data.tags["mlflow.parentRunId"] == run.data.tags["sweep"] == sweep_id
        assert sweep.data.tags["sweep"] == sweep_id
        assert sweep.data.tags["imported"] == source.sweep_id
        assert sweep.data.tags["mlflow.note.content"] == f"[The report](#/experiments/{number}/runs/{sweep_id})"
        place = Path(sweep.info.artifact_uri)
        assert f"#/experiments/{number}/runs/{sweep_id}" in (place / "report.html").read_text()
        assert set(pd.read_csv(place / "cells.csv")["run_id"]) == {
            run.info.run_id for run in cells_of(arrived).values()
        }
        assert (place / "claim/inner.txt").read_text() == "inner"

    def test_a_table_of_its_cells_has_the_same_numbers(self, source, arrived):
        both = [load_runs("mine", tracking_server=store.uri) for store in (source, arrived)]
        same = [frame.drop(columns=["sweep", "run_id"]) for frame in both]
        pd.testing.assert_frame_equal(*same)

    def test_importing_again_changes_nothing(self, arrived, exported):
        before = contents(arrived)
        again = bring(arrived, exported)
        assert (again.new, again.known, again.changed) == (0, 4, False)
        assert contents(arrived) == before

    def test_importing_where_it_was_trained_changes_nothing(self, source, exported):
        before = contents(source)
        assert not bring(source, exported).changed
        assert contents(source) == before

    def test_what_was_imported_can_be_exported_and_imported_again(self, arrived, new_store, tmp_path):
        third = new_store()
        bring(third, export(arrived, tmp_path / "out"))
        assert cells_of(third).keys() == cells_of(arrived).keys()

    def test_cells_that_are_finished_there_are_not_doubled(self, store, exported):
        key, cell = next((cell.key("digest"), cell) for cell in MINE.cells())
        own = store.cell(store.experiment("mine"), "0" * 32, key, cell, {"test/accuracy": 0.1}, 1, False)
        done = bring(store, exported)
        assert (done.new, done.known) == (3, 1)
        assert cells_of(store)[key].info.run_id == own

    def test_cells_of_an_earlier_sweep_come_with_the_later_one(self, store, new_store, tmp_path):
        first, _ = store.sweep(MINE, figures)
        wider = MINE.model_copy(update={"seeds": (0, 1, 2)})
        cells = {cell.key("digest"): cell for cell in wider.cells()}
        second = store.client.create_run(store.experiment("mine"), tags={"kind": "sweep"}).info.run_id
        store.client.log_dict(second, {key: cell.name for key, cell in cells.items()}, "cells.json")
        store.client.log_dict(second, wider.model_dump(mode="json"), "experiment.yaml")
        for key, cell in cells.items():
            if cell.seed == 2:
                store.cell(store.experiment("mine"), second, key, cell, figures(cell), 1, False)
        store.client.set_terminated(second)
        other = new_store()
        done = bring(other, export(store, tmp_path / "second", second))
        assert {run.data.tags["sweep"] for run in cells_of(other).values()} == {done.sweep_id}
        assert len(cells_of(other)) == 6
        later = bring(other, export(store, tmp_path / "first", first))
        assert (later.new, later.known, later.changed) == (0, 4, True)

    @pytest.mark.parametrize("calls", range(1, 36, 3))
    def test_an_import_that_was_interrupted_anywhere_is_completed_by_the_next(
        self, new_store, arrived, exported, monkeypatch, calls
    ):
        store = new_store()
        with monkeypatch.context() as patch:
            left = iter(range(calls))

            def breaking(usual):
                def method(self, *arguments, **named):
                    if next(left, None) is None:
                        raise KeyboardInterrupt
                    return usual(self, *arguments, **named)

                return method

            for name in ("create_run", "log_batch", "log_inputs", "log_artifacts", "set_tag", "set_terminated"):
                patch.setattr(MlflowClient, name, breaking(getattr(MlflowClient, name)))
            with pytest.raises(KeyboardInterrupt):
                bring(store, exported)
        bring(store, exported)
        for kind, wanted in (("sweep", 1), ("cell", 4), ("group", 1)):
            assert len(store.client.search_runs([store.experiment("mine")], f"tags.kind = '{kind}'")) == wanted
        both = [closing(sqlite3.connect(one.folder / "mlflow.db")) for one in (store, arrived)]
        with both[0] as ours, both[1] as whole:
            for query in (
                "select key, value, timestamp, step from metrics order by 1, 2, 3, 4",
                "select key, value from params order by 1, 2",
                "select status, end_time, name from runs order by 1, 2, 3",
                "select count(*) from tags",
            ):
                assert ours.execute(query).fetchall() == whole.execute(query).fetchall()
        assert not bring(store, exported).changed


SEEDS = count(1000)  # each example has a cell of its own
NAMES = st.text("abz019_-. ", min_size=1, max_size=8).filter(lambda name: name.strip(". ") == name)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
POINTS = st.lists(
    st.tuples(st.floats(allow_nan=False, allow_infinity=True), st.integers(0, 2**40), st.integers(0, 10**6)),
    max_size=5, unique_by=lambda point: point[2],
)  # fmt: skip


@settings(max_examples=25)
@given(tags=st.dictionaries(NAMES.map(lambda name: f"t{name}"), TEXT, max_size=4),
       params=st.dictionaries(NAMES, TEXT, max_size=4), points=st.dictionaries(NAMES, POINTS, max_size=3))  # fmt: skip
def test_any_tags_params_and_points_arrive_as_they_left(two_stores, tmp_path_factory, tags, params, points):
    source, target = two_stores
    sweep_id, cells = source.sweep(Experiment(name="mine", seeds=next(SEEDS)), lambda cell: {})
    (key,) = cells
    (run,) = source.client.search_runs([source.experiment("mine")], f"tags.cell = '{key}'")
    run_id = run.info.run_id
    free = {name: value for name, value in params.items() if name not in run.data.params}
    source.client.log_batch(
        run_id,
        [Metric(name, value, moment, step) for name, curve in points.items() for value, moment, step in curve],
        [Param(*param) for param in free.items()],
        [RunTag(*tag) for tag in tags.items()],
    )
    bring(target, export(source, tmp_path_factory.mktemp("any") / "out", sweep_id))
    (copy,) = target.client.search_runs([target.experiment("mine")], f"tags.cell = '{key}'")
    before, after = source.client.get_run(run_id), copy
    assert after.data.params == before.data.params
    assert {name: after.data.tags[name] for name in tags} == tags
    for name in points:
        curves = [
            store.client.get_metric_history(of, name) for store, of in ((source, run_id), (target, copy.info.run_id))
        ]
        both = [sorted((point.step, point.timestamp, point.value) for point in curve) for curve in curves]
        assert both[0] == both[1]


@pytest.fixture(scope="module")
def two_stores(new_store):
    return new_store(), new_store()


class TestDistrust:
    @pytest.fixture
    def copy(self, exported, tmp_path) -> Path:
        return Path(shutil.copytree(exported, tmp_path / "copy"))

    def test_any_changed_file_is_noticed(self, copy):
        for path in [path for path in copy.rglob("*") if path.is_file() and path.name != MANIFEST]:
            whole = path.read_bytes()
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
            with pytest.raises(ConfigurationError, match="damaged or changed"):
                read_export(copy)
            path.unlink()
            with pytest.raises(ConfigurationError, match="allowed: a folder that `mlp export` has written"):
                read_export(copy)
            path.write_bytes(whole)
        read_export(copy)

    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"[1]", b"text", b"\xff", b"[" * 9999, b'{"format": 2}', b'{"x": {"y": 1}}']
    )
    def test_a_manifest_that_is_none_is_refused_in_one_line(self, copy, content):
        (copy / MANIFEST).write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"manifest.json: .*; allowed: "):
            read_export(copy)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links, and backslashes in names")
    @pytest.mark.parametrize(
        "path",
        [
            "../secret",
            "/etc/passwd",
            "runs/../../secret",
            "C:/secret",
            "..\\secret",
            "\\secret",
            "link/secret",
            "C:x.txt",
            "runs/C:x.txt",
            "runs/a\nb",
            "runs/x.",
            "runs//x",
            "runs/a|b",
            "runs/%41",
        ],
    )
    def test_no_path_leads_out_of_the_folder(self, copy, path):
        (copy.parent / "secret").write_text("secret")
        (copy / "link").symlink_to(copy.parent)
        (copy / "..\\secret").write_text("secret")
        (copy / "\\secret").write_text("secret")
        seal(copy, files={path: hashlib.sha256(b"secret").hexdigest()})
        with pytest.raises(ConfigurationError, match=r"allowed: files in the folder"):
            read_export(copy)

    @pytest.mark.parametrize("name", ["../x", "a/b", "", "x" * 99])
    def test_an_experiment_whose_name_is_a_path_is_refused(self, copy, name):
        seal(copy, name=name)
        with pytest.raises(ConfigurationError, match=r"manifest.json: "):
            read_export(copy)

    def test_a_model_which_is_code_is_refused(self, copy):
        folder = next(copy.glob("runs/*"))
        (folder / "artifacts/model").mkdir(parents=True)
        (folder / "artifacts/model/model.py").write_text("import os")
        seal(copy)
        with pytest.raises(ConfigurationError, match="it contains a model, which is code"):
            read_export(copy)

    def test_a_file_of_no_run_a_second_sweep_and_a_cell_that_is_there_twice_are_refused(self, copy):
        (copy / "more.txt").touch()
        seal(copy)
        with pytest.raises(ConfigurationError, match="a file belongs to no run"):
            read_export(copy)
        (copy / "more.txt").unlink()
        texts = {path: json.loads(path.read_text()) for path in copy.glob("runs/*/run.json")}
        for kind, problem in (("sweep", "is not its only sweep"), ("cell", "is in it twice")):
            text = next(text for text in texts.values() if text["kind"] == kind)
            (copy / "runs" / ("e" * 32)).mkdir(exist_ok=True)
            (copy / "runs" / ("e" * 32) / "run.json").write_text(json.dumps(text | {"run_id": "e" * 32}))
            seal(copy)
            with pytest.raises(ConfigurationError, match=problem):
                read_export(copy)

    @pytest.mark.parametrize(
        "change",
        [
            {"run_id": "../../x"}, {"status": "RUNNING"}, {"started": -1}, {"started": 2**70}, {"tags": {}},
            {"tags": {"kind": "cell"}}, {"params": {"a": 1}}, {"points": [["../x", 1, 1, 1]]}, {"points": [[]]},
            {"points": [["a", "b", 1, 1]]}, {"points": [["a", 1, 1, 2**52]]}, {"points": [["a", 1, 1, -1]]},
            {"ended": 2**48}, {"points": [["a", 1, 2**48, 1]]}, {"more": 1}, {"params": {"a": "x" * 6001}},
        ],
    )  # fmt: skip
    def test_a_run_that_mlflow_would_not_take_is_refused_before_anything_is_written(self, copy, change):
        path = next(path for path in copy.glob("runs/*/run.json") if json.loads(path.read_text())["kind"] == "cell")
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        seal(copy)
        with pytest.raises(ConfigurationError, match=r"run.json: .*; allowed: "):
            read_export(copy)

    def of_sweep(self, copy: Path, name: str) -> Path:
        sweep = json.loads((copy / MANIFEST).read_text())["sweep"]
        return copy / "runs" / sweep / "artifacts" / name

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("experiment.yaml", "name: mine\ndata: 7"),
            ("experiment.yaml", "a: &a [1, 1]\nname: mine\nseeds: *a"),
            ("experiment.yaml", "["),
            ("experiment.yaml", None),
            ("cells.json", "[1]"),
            ("cells.json", '{"a": 1}'),
            ("cells.json", '{"no key of a cell": "name"}'),
            ("cells.json", "[" * 99_999),
            ("cells.json", None),
        ],
    )
    def test_a_sweep_whose_experiment_or_cells_were_changed_is_refused(self, copy, name, content):
        path = self.of_sweep(copy, name)
        path.unlink()
        if content is not None:
            path.write_text(content)
        seal(copy)
        with pytest.raises(ConfigurationError, match=r"its sweep .*; allowed: a folder that `mlp export` has written"):
            read_export(copy)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    @pytest.mark.parametrize("name", [MANIFEST, "runs.parquet", "pipe"])
    def test_a_pipe_is_refused_and_not_waited_for(self, copy, name):
        seal(copy, files=json.loads((copy / MANIFEST).read_text())["files"] | {name: "0" * 64})
        (copy / name).unlink(missing_ok=True)
        os.mkfifo(copy / name)
        with pytest.raises(ConfigurationError, match="not a file"):
            read_export(copy)

    @pytest.mark.parametrize(
        ("name", "size"), [("curves.parquet", 3 * 2**30), (MANIFEST, 2**27), ("cells.json", 2**27)]
    )
    def test_a_file_that_is_too_large_is_refused_and_not_read(self, copy, name, size):
        path = self.of_sweep(copy, name) if name == "cells.json" else copy / name
        with path.open("r+b") as file:
            file.truncate(size)  # takes no room on the disk
        with pytest.raises(ConfigurationError, match="too large"):
            read_export(copy)

    @pytest.mark.parametrize(
        "change",
        [
            lambda arrays: {"W0": arrays["W0"][:-1]},
            lambda arrays: {"W0": arrays["W0"].astype(complex)},
            lambda arrays: {"W0": arrays["W0"][:, 1:], "b0": arrays["b0"][1:], "W1": arrays["W1"][1:]},
            lambda arrays: {"b1": np.array("text")},
            lambda arrays: {"W0": arrays["W0"][:0]},
        ],
        ids=["inputs", "type", "neurons", "text", "nothing"],
    )
    def test_weights_of_no_network_or_of_another_are_refused(self, copy, change):
        path = next(copy.glob("runs/*/artifacts/weights.npz"))
        with np.load(path) as arrays:
            content = dict(arrays) | change(arrays)
        np.savez(path, **content)
        seal(copy)
        with pytest.raises(ConfigurationError, match=r"has no such network \(.*; allowed: "):
            read_export(copy)

    @pytest.mark.parametrize("change", [{"start": "{{ 7 }}"}, {"activation": "x"}, {"hidden": "30-30"}, {"side": "0"}])
    def test_a_cell_whose_params_tell_of_another_network_is_refused(self, copy, change):
        path = next(copy.glob("runs/*/artifacts/weights.npz")).parents[1] / "run.json"
        run = json.loads(path.read_text())
        path.write_text(json.dumps(run | {"params": run["params"] | change}))
        seal(copy)
        with pytest.raises(ConfigurationError, match=r"has no such network \(.*; allowed: "):
            read_export(copy)
