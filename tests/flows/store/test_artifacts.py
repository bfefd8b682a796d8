"""Weights that are gone or damaged: the message names the file, its run, and a command that trains the cell again."""

import shlex
import shutil
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from flows.errors import ConfigurationError
from flows.plan.configuration import load_experiment
from flows.plan.experiment import Experiment
from flows.store.artifacts import load_weights, local_folder, not_done, read_cells, read_experiment
from flows.store.results import load_runs, select

SOME = Experiment(name="some", seeds="0-1", data={"name": "digits", "side": 8})


@pytest.fixture
def cell(store):
    """The first of two cells: its row, with the path of its weights."""
    store.sweep(SOME, lambda cell: {"test/accuracy": 0.9}, weights=True)
    row = load_runs("some", tracking_server=store.uri).iloc[0].to_dict()
    row["file"] = Path(store.client.get_run(row["run_id"]).info.artifact_uri, "weights.npz")
    return row


def message(store, cell) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_weights(store.client, cell["run_id"])
    assert "\n" not in str(error.value)
    return str(error.value)


def command(text: str) -> list[str]:
    """The command in a message, as a shell reads it."""
    return shlex.split(text.partition("`")[2].partition("`")[0])


class TestWeights:
    def test_weights_that_are_gone_are_named_with_their_run_and_the_command_for_them(self, store, cell):
        cell["file"].unlink()
        text = message(store, cell)
        assert text.startswith(f"{cell['file']}, of {cell['name']} (run {cell['run_id']}), is gone; `mlp run ")
        *_, recipe, option, uri = command(text)
        assert load_experiment(recipe) == SOME
        assert (option, uri) == ("--tracking-uri", store.uri)

    @pytest.mark.parametrize("content", [b"", b"\x00" * 1000, b"PK\x03\x04 and no more", b"\x93NUMPY\x01\x00v\x00{"])
    def test_damaged_weights_are_to_be_deleted_and_trained_again(self, store, cell, content):
        cell["file"].write_bytes(content)
        text = message(store, cell)
        assert text.startswith(f"{cell['file']}, of ")
        assert " is damaged (" in text
        assert "; delete it, and `mlp run " in text
        assert "/tmp/tmp" not in text  # the copy that MLflow makes

    def test_the_default_store_needs_no_option(self, store, cell, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
        cell["file"].unlink()
        assert command(message(store, cell))[:2] == ["mlp", "run"]
        assert len(command(message(store, cell))) == 3

    def test_without_its_recipe_the_experiment_is_named(self, store, cell):
        shutil.rmtree(store.folder / "artifacts")
        assert "`mlp run --force` with the options of the experiment some" in message(store, cell)

    def test_a_store_that_can_not_be_reached_is_not_taken_for_lost_weights(self, store, cell, monkeypatch):
        def fail(*_):
            raise MlflowException("API request failed")

        monkeypatch.setattr("flows.store.artifacts.artifact_uri", fail)
        monkeypatch.setattr(store.client, "list_artifacts", fail)
        with pytest.raises(MlflowException, match="API request failed"):
            load_weights(store.client, cell["run_id"])

    def test_a_cell_whose_weights_are_gone_is_not_done(self, store, cell):
        runs = load_runs("some", tracking_server=store.uri)
        cells = dict.fromkeys([*runs["cell"], "never trained"])
        experiment_id = store.experiment("some")
        assert list(not_done(store.client, experiment_id, cells)) == ["never trained"]
        cell["file"].unlink()
        lost = runs.loc[runs["run_id"] == cell["run_id"], "cell"].item()
        assert set(not_done(store.client, experiment_id, cells)) == {lost, "never trained"}
        shutil.rmtree(store.folder / "artifacts")
        assert not_done(store.client, experiment_id, cells) == cells


class Server:
    def __init__(self, address: str) -> None:
        self.tracking_uri = address


@pytest.mark.parametrize(
    ("server", "address", "here"),
    [
        ("sqlite:///x.db", "/nowhere/some", True),
        ("sqlite:///x.db", "s3://bucket/some", False),
        ("sqlite:///x.db", "mlflow-artifacts:/some", False),
        ("http://127.0.0.1:5000", "{}", True),
        ("http://127.0.0.1:5000", "/nowhere/some", False),
        ("http://host:5000", "{}", False),
        ("http://127.0.0.1:5000", "mlflow-artifacts:/some", False),
    ],
)
def test_files_are_looked_for_only_where_they_must_be_on_this_machine(tmp_path, server, address, here):
    address = address.format(tmp_path)
    assert local_folder(Server(server), address) == (Path(address) if here else None)


class TestSweeps:
    @pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000])
    def test_a_damaged_list_of_cells_is_told_from_a_missing_one(self, store, cell, content):
        sweep = store.client.get_run(cell["sweep"])
        path = Path(sweep.info.artifact_uri, "cells.json")
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"given, whose cells.json is damaged; allowed: .*, or --all"):
            read_cells(store.client, sweep)
        path.unlink()
        with pytest.raises(ConfigurationError, match=r"given, which has no cells.json; allowed: .*, or --all"):
            read_cells(store.client, sweep)
        assert len(select(store.client, ["some"], everything=True).cells) == 2  # the advice

    @pytest.mark.parametrize(
        "content",
        [
            "name: [", "", "7", "name: x\ndata: 7", "name: x\nmore: 1", "name: x\nseeds: &a [1]\ngrid: {rows: *a}",
            "a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: x", "name: x\nseeds: " + "[" * 9999,
        ],
    )  # fmt: skip
    def test_a_recipe_that_was_damaged_or_edited_is_told(self, store, cell, content):
        sweep = store.client.get_run(cell["sweep"])
        Path(sweep.info.artifact_uri, "experiment.yaml").write_text(content)
        with pytest.raises(ConfigurationError, match=r"whose experiment.yaml is damaged"):
            read_experiment(store.client, sweep)
