"""A sweep that was trained in one folder, and goes on in another: on another machine, or on a server."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.system.conftest import Workplace

pytestmark = [pytest.mark.system, pytest.mark.slow]

SMALL = ("demo", "--data", "digits", "--seeds", "0-1", "--epochs", "2")


def said(workplace: Workplace, *arguments: str) -> str:
    """The output of a command that must work."""
    answer = workplace.mlp(*arguments)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def trained(shared_workplace) -> Workplace:
    """A folder in which a sweep was trained and exported."""
    said(shared_workplace, "run", *SMALL)
    said(shared_workplace, "export", "demo", "--to", "exported")
    return shared_workplace


@pytest.fixture(scope="module")
def elsewhere(trained, tmp_path_factory) -> Workplace:
    """Another folder, to which the export was copied and in which it was imported."""
    there = Workplace(tmp_path_factory.mktemp("elsewhere"))
    shutil.copytree(trained.folder / "exported", there.folder / "mine")
    assert "6 cells" in said(there, "import", "mine")
    shutil.rmtree(there.folder / "mine")  # nothing needs it any more
    return there


def test_the_comparison_is_the_same_as_where_it_was_trained(trained, elsewhere):
    for options in ([], ["--baseline", "fraction=0", "--metric", "test/accuracy"]):
        assert said(elsewhere, "compare", "demo", *options) == said(trained, "compare", "demo", *options)
    numbers = [json.loads(said(place, "compare", "demo", "--json")) for place in (trained, elsewhere)]
    assert numbers[0] == numbers[1]


def test_nothing_is_trained_again_until_a_seed_is_new(elsewhere):
    assert "6 cells were done before; nothing to train" in said(elsewhere, "run", *SMALL)
    assert elsewhere.runs("cell") == {"FINISHED": 6}
    assert "# 6 of them are done" in said(elsewhere, "run", *SMALL, "--seeds", "0-2", "--dry-run")


def test_the_champion_answers_as_where_it_was_trained(trained, elsewhere):
    answers = [said(place, "predict", "--experiment", "demo", "--test", "7") for place in (trained, elsewhere)]
    assert answers[0] == answers[1]


def test_the_tables_can_be_read_without_this_package(trained):
    runs = pd.read_parquet(trained.folder / "exported/runs.parquet")
    curves = pd.read_csv(trained.folder / "exported/curves.csv")
    assert len(runs) == 6
    assert set(curves["run_id"]) == set(runs["run_id"])


def test_what_was_imported_on_a_server_is_the_same_and_can_be_exported_from_it(trained, workplace, server):
    exported, uri = str(trained.folder / "exported"), ("--tracking-uri", server.address)
    assert "6 cells" in said(workplace, "import", exported, *uri)
    assert "Nothing to import" in said(workplace, "import", exported, *uri)
    assert said(workplace, "compare", "demo", *uri) == said(trained, "compare", "demo")
    assert "6 cells were done before; nothing to train" in said(workplace, "run", *SMALL, *uri)
    assert "test image 7" in said(workplace, "predict", "--test", "7", *uri)
    said(workplace, "export", "demo", "--to", "again", *uri)
    frames = [pd.read_parquet(Path(folder, "curves.parquet")) for folder in (exported, workplace.folder / "again")]
    order = ["metric", "step", "value"]
    first, second = (frame[order].sort_values(order, ignore_index=True) for frame in frames)
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    "arguments",
    [("export", "--to", "out"), ("export", "--to", "."), ("import", "nothing"), ("import", "damaged")],
)
def test_what_can_not_be_done_is_said_in_one_line_and_leaves_no_folder(trained, workplace, arguments):
    damaged = Path(shutil.copytree(trained.folder / "exported", workplace.folder / "damaged"))
    weights = next(damaged.rglob("weights.npz"))
    weights.write_bytes(weights.read_bytes()[:-1])
    answer = workplace.mlp(*arguments)
    assert answer.returncode == 2
    assert answer.stderr.startswith("mlp: ")
    assert answer.stderr.count("\n") == 1
    assert {path.name for path in workplace.folder.iterdir()} <= {"damaged", "mlruns"}
    assert workplace.query("select * from runs") == []


def test_two_sweeps_are_compared_seed_by_seed(trained):
    said(trained, "run", *SMALL, "--set", "name=slow", "--set", "descent.learning_rate=0.1", "--seeds", "1-2")
    text = trained.mlp("compare", "demo", "slow")
    assert "descent.learning_rate" in text.stdout
    assert "only A has the seeds 0 of" in text.stderr
    found = json.loads(said(trained, "compare", "demo", "slow", "--json"))
    assert [row["setting"] for row in found["settings"]] == ["descent.learning_rate", "seeds"]
    assert [group["test/accuracy"]["seeds"] for group in found["groups"]] == [1, 1, 1]
    assert "<!doctype html>" in said(trained, "compare", "demo", "slow", "--html")
