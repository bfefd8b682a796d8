"""What `mlp show` prints is a file that `mlp run` reads."""

import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from flows.plan.configuration import load_experiment, preset_names


@pytest.mark.parametrize("columns", ["20", "80", "200"])
@pytest.mark.parametrize("preset", preset_names())
def test_an_experiment_that_was_shown_and_saved_is_the_same_experiment(tmp_path, monkeypatch, preset, columns):
    monkeypatch.setenv("COLUMNS", columns)
    answer = CliRunner().invoke(app, ["show", preset, "--seeds", "0,2,5-7", "--set", "noise.kinds=[uniform, gaussian]"])
    path = tmp_path / "mine.yaml"
    path.write_text(answer.stdout)
    changes = {"seeds": [0, 2, 5, 6, 7], "noise.kinds": ["uniform", "gaussian"]}
    assert load_experiment(str(path)) == load_experiment(preset, changes)


def test_what_is_shown_can_be_piped_into_the_next_command():
    shown = CliRunner().invoke(app, ["show", "demo", "--seeds", "3,5"]).stdout
    assert CliRunner().invoke(app, ["show", "-"], input=shown).stdout == shown
