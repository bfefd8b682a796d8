"""What the prompt says of itself, and of a name that is nearly right."""

import pytest

from flows.cli.main import answer
from flows.errors import did_you_mean
from flows.plan.experiment import Experiment


@pytest.mark.parametrize("line", [[], ["-h"], ["--help"]])
def test_mlp_alone_is_help_without_an_error(line, capsys):
    assert answer(line) == 0
    said = capsys.readouterr()
    assert "Usage: mlp [OPTIONS] COMMAND" in said.out
    assert "compare" in said.out
    assert said.err == ""


def test_every_command_has_the_short_option_for_help(capsys):
    assert answer(["compare", "-h"]) == 0
    assert "Usage: mlp compare" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (["show", "dmeo"], "demo"),
        (["show", "demo", "--set", "descent.learning_rte=3"], "learning_rate"),
        (["show", "demo", "--set", "descnt.epochs=3"], "descent"),
        (["show", "demo", "--grid", "networks.0.activaton=relu,tanh"], "activation"),
        (["reproduce", "forgeting"], "forgetting"),
    ],
)
def test_a_name_that_is_nearly_right_is_asked_about(line, meant, capsys):
    assert answer(line) == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {meant}?\n")


def test_a_misspelt_metric_or_axis_of_a_comparison_is_asked_about(store, capsys):
    store.sweep(Experiment(name="some", seeds="0-1"), lambda cell: {"test/accuracy": 0.9})
    for line, meant in ((["--metric", "test/acuracy"], "test/accuracy"), (["--by", "fractoin"], "fraction")):
        assert answer(["compare", "--tracking-uri", store.uri, *line]) == 2
        assert f"; did you mean {meant}" in capsys.readouterr().err


def test_at_most_three_names_are_suggested_and_none_that_is_far():
    assert did_you_mean("seed", ["seeds", "seed1", "seed2", "seed3"]).count(",") == 2
    assert did_you_mean("epochs", ["name", "description"]) == ""
