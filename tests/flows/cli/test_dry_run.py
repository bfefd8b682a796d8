"""`mlp run --dry-run` says what would be trained, in how many stacks, for how long, in how much memory."""

import pytest
import yaml

from flows.cli.main import answer


@pytest.fixture
def dry_run(tmp_path, monkeypatch, capsys):
    """What a dry run prints, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlruns/mlflow.db")

    def of(*arguments: str) -> str:
        assert answer(["run", *arguments, "--dry-run"]) == 0
        assert not list(tmp_path.iterdir())
        return capsys.readouterr().out

    return of


def test_a_grid_given_at_the_prompt_is_counted_and_divided_among_the_workers(dry_run):
    axes = ["--grid", "descent.learning_rate=0.5,1.5,3", "--grid", "descent.momentum=0,0.9"]
    said = dry_run("shuffle", "--seeds", "0-4", "--shuffle", "0", *axes, "--workers", "2")
    assert "# 30 cells: seed=0 shuffle=0.00 learning_rate=0.5 momentum=0 …" in said
    assert "# 2 stacks on 2 workers, about " in said
    assert said.count("15 cells (seeds 0-4, fractions 0, learning_rate 0.5, 1.5, 3, momentum ") == 2
    one = dry_run("shuffle", "--seeds", "0-4", "--shuffle", "0", *axes, "--workers", "1")
    assert "# 1 stack on 1 worker, about " in one


def test_the_description_is_the_same_experiment_again(dry_run, tmp_path):
    said = dry_run("shuffle", "--grid", "networks.0.activation=sigmoid,relu", "--grid", "descent.batch_size=10,32")
    settings = yaml.safe_load(said)
    assert [network["activation"] for network in settings["networks"]] == ["sigmoid", "relu"]
    assert settings["grid"] == {"descent.batch_size": [10, 32]}
    assert "# 200 cells" in said


def test_a_wrong_axis_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert answer(["run", "shuffle", "--grid", "descent.momentum=0,2", "--dry-run"]) == 2
    assert capsys.readouterr().err == "mlp: descent.momentum: 2 given; allowed: less than 1\n"
