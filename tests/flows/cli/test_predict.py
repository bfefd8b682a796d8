"""The prompt's part of `mlp predict`: a line for each picture that is refused, and the exit code."""

import sys
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.plan.experiment import Experiment
from flows.store.experiments import open_experiment


@pytest.mark.parametrize(("refused", "code"), [([], 0), (["image: a.png: shows nothing", "image: b.png: is gone"], 2)])
def test_each_refusal_is_a_line_and_the_exit_code_is_2_if_there_is_one(refused, code, store, monkeypatch, capsys):
    asked = []

    def answers(client, name, paths, noise, tests, console, show):
        asked.append((name, paths, noise, tests, show))
        return refused

    monkeypatch.setattr("flows.report.predict.print_answers", answers)
    arguments = ["predict", "a.png", "b.png", "--experiment", "mine", "--show", "seen.png", "--tracking-uri", store.uri]
    monkeypatch.setattr(sys, "argv", ["mlp", *arguments])
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == code
    assert asked == [("mine", [Path("a.png"), Path("b.png")], 0, [], Path("seen.png"))]
    assert capsys.readouterr().err.splitlines() == [f"mlp: {reason}" for reason in refused]


@pytest.mark.parametrize("options", [[], ["--experiment", "some"], ["--experiment", "a new name"]])
def test_the_champion_of_an_experiment_that_was_renamed_in_mlflow_answers(options, store, monkeypatch):
    some = Experiment(name="some", seeds=0, data={"name": "digits"})
    experiment_id = open_experiment(store.client, some)
    store.sweep(some, lambda cell: {"test/accuracy": 0.9})
    store.client.rename_experiment(experiment_id, "a new name")
    asked = []
    monkeypatch.setattr("flows.report.predict.print_answers", lambda client, name, *_: asked.append(name) or [])
    monkeypatch.setattr(sys, "argv", ["mlp", "predict", *options, "--tracking-uri", store.uri])
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == 0
    assert asked == ["some"]
