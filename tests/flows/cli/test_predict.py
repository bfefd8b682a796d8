"""The prompt's part of `mlp predict`: a line for each picture that is refused, and the exit code."""

import sys
from pathlib import Path

import pytest

from flows.cli.main import main


@pytest.mark.parametrize(("refused", "code"), [([], 0), (["image: a.png: shows nothing", "image: b.png: is gone"], 2)])
def test_each_refusal_is_a_line_and_the_exit_code_is_2_if_there_is_one(refused, code, store, monkeypatch, capsys):
    asked = []

    def answers(client, name, paths, noise, tests, console, show):
        asked.append((name, paths, noise, tests, show))
        return refused

    monkeypatch.setattr("flows.report.predict.print_answers", answers)
    monkeypatch.setattr("flows.store.results.find", lambda client, name: None)
    arguments = ["predict", "a.png", "b.png", "--experiment", "mine", "--show", "seen.png", "--tracking-uri", store.uri]
    monkeypatch.setattr(sys, "argv", ["mlp", *arguments])
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == code
    assert asked == [("mine", [Path("a.png"), Path("b.png")], 0, [], Path("seen.png"))]
    assert capsys.readouterr().err.splitlines() == [f"mlp: {reason}" for reason in refused]
