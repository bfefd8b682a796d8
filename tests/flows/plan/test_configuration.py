"""Presets, files and changed settings become an experiment; an error is one line that says what is allowed."""

import json
import os

import numpy as np
import pytest
import yaml

from flows.errors import ConfigurationError
from flows.plan.configuration import load_experiment, parse_setting, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_named_after_its_file(name):
    experiment = load_experiment(name)
    assert experiment.name == name
    assert experiment.description


def test_the_shuffle_preset_trains_ten_seeds_at_five_fractions_on_mnist():
    experiment = load_experiment("shuffle")
    assert experiment.seeds == tuple(range(10))
    assert experiment.corruption.fractions == (0, 0.25, 0.5, 0.75, 1)
    assert experiment.networks[0].hidden == (16, 16)
    assert experiment.data.name == "mnist"


def test_a_preset_written_to_a_file_loads_as_the_same_experiment(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(load_experiment("demo").model_dump(mode="json")), encoding="utf-8")
    assert load_experiment(str(file)) == load_experiment("demo")


def test_settings_can_be_changed_at_any_depth():
    changes = {"descent.epochs": 3, "networks.0.hidden": [32], "seeds": "0-4"}
    experiment = load_experiment("demo", changes)
    assert experiment.descent.epochs == 3
    assert experiment.networks[0].hidden == (32,)
    assert experiment.seeds == (0, 1, 2, 3, 4)


def test_a_setting_is_a_path_and_a_yaml_value():
    assert parse_setting("networks.0.hidden=[32, 16]") == ("networks.0.hidden", [32, 16])
    assert parse_setting("data.test_rows=null") == ("data.test_rows", None)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("corruption.fractions", [1.5], "less than or equal to 1"),
        ("corruption.fractions", [-0.1], "greater than or equal to 0"),
        ("corruption.fractions", [0, 0], "every value once"),
        ("corruption.labels", "scramble", "'shuffle', 'redraw', 'flip' or 'boundary'"),
        ("descent.epochs", 0, "greater than or equal to 1"),
        ("descent.learning_rate", float("nan"), "finite"),
        ("descent.learning_rate", -1, "greater than 0"),
        ("descent.momentum", 1, "less than 1"),
        ("seeds", "a-b", "whole numbers and ranges like 0-9"),
        ("seeds", "9-0", "ranges that go up"),
        ("seeds", "0-99999999999", "whole numbers and ranges"),
        ("seeds", -1, "greater than or equal to 0"),
        ("name", "../elsewhere", "letters, digits"),
        ("data.name", "file:///etc/passwd", "letters, digits"),
        ("data.name", "http://example.org/x", "letters, digits"),
        ("networks.0.hidden", [0], "greater than or equal to 1"),
        ("networks.0.activation", "softplus", "'sigmoid', 'tanh' or 'relu'"),
    ],
)  # fmt: skip
def test_a_bad_value_gives_one_line_that_names_the_field_and_what_is_allowed(field, value, allowed):
    with pytest.raises(ConfigurationError) as caught:
        load_experiment("demo", {field: value})
    message = str(caught.value)
    assert message.startswith(field)
    assert allowed in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"epochs": 3}, "epochs: unknown field; allowed: name, description, data"),
        ({"descent.rate": 3}, "descent.rate: unknown field; allowed: learning_rate, batch_size"),
        ({"networks.0.width": 3}, "networks.0.width: unknown field; allowed: hidden, activation"),
        ({"networks.7.hidden": [3]}, "networks.7.hidden: no such field"),
        ({"seeds": "0-9999", "corruption.fractions": [0, 1]}, "the grid has 20,000 cells; allowed: at most 10,000"),
    ],
)
def test_an_unknown_field_or_a_grid_that_is_too_large_gives_one_line(changes, expected):
    with pytest.raises(ConfigurationError) as caught:
        load_experiment("demo", changes)
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_the_error_for_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"preset: 'dmeo' given; allowed: .*demo.*shuffle.*yaml"):
        load_experiment("dmeo")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"name: \xff\xfe", "byte 6 is not UTF-8"),
        (b"name: [", "not YAML"),
        (b"- 1\n- 2", "list given; allowed: a mapping"),
        (b"!!python/object/apply:os.system ['touch pwned']", "not YAML"),
        (b"name: " + b"x" * 1_000_001, "bytes given; allowed: at most"),
    ],
)
def test_a_file_that_is_not_an_experiment_gives_one_line(tmp_path, content, expected):
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=expected) as caught:
        load_experiment(str(file))
    assert "\n" not in str(caught.value)


def test_a_missing_file_gives_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        load_experiment(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", "'name' given twice, at line 2"),
        ("name: a\ndescent:\n  epochs: 3\n  epochs: 4\n", "'epochs' given twice, at line 4"),
        ("name: a\nnetworks: [&a {hidden: [3]}, {<<: *a}]", "<< given, at line 2; allowed: fields, written out"),
        ("name: " + "[" * 5000, "nested too deep"),
        (f"name: a\nseeds: [{'7' * 5000}]\n", "a value that YAML can't read .*Exceeds the limit"),
        (f"name: a\nseeds: 0x{'f' * 5000}\n", r"seeds\.0: a number of more than 40 digits given; allowed: less than 4"),
        ("name: a\nseeds: !!int ''\n", "a value that YAML can't read"),
        ("name: a\nseeds: !!bool maybe\n", "a value that YAML can't read"),
        ("name: a\nseeds: 2026-13-13\n", "a value that YAML can't read .*month"),
        (f"name: a\nseeds: {':'.join('1' * 200)}.5\n", "a value that YAML can't read"),
        (
            "name: a\n" + "".join(f"x{number}: 0\n" for number in range(5)),
            "x0: unknown field.* x1: unknown .* x2: unknown .* And 2 more",
        ),
    ],
)
def test_an_ambiguous_file_or_one_the_parser_cannot_handle_gives_one_short_line(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as error:
        load_experiment(str(path))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


def test_a_file_that_names_a_python_function_does_not_call_it(tmp_path):
    stolen, path = tmp_path / "stolen", tmp_path / "mine.yaml"
    path.write_text(f"name: !!python/object/apply:os.mkdir ['{stolen}']\n")
    with pytest.raises(ConfigurationError, match="YAML"):
        load_experiment(str(path))
    assert not stolen.exists()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("corruption.fractions", [0.3, "0.3", "0.30", "3e-1", 0.1 + 0.2, [0.3], [0.1 + 0.2]]),
        ("corruption.fractions", [0, "0", "-0", -0.0, [-0.0], "0e0"]),
        ("corruption.fractions", [1, "1e0", True]),
        ("descent.learning_rate", [0.3, "0.30", "3e-1", 0.1 + 0.2]),
        ("descent.momentum", [0, -0.0, "-0", "0.00"]),
        ("descent.epochs", [3, 3.0, "3", "03"]),
        ("stop_accuracy", [0.9, "0.90", 0.3 + 0.6]),
        ("seeds", [7, "7", [7.0], "07", "7-7"]),
        ("data.rows", [100, [100.0], "100"]),
    ],
)
def test_a_number_has_one_key_and_one_param_however_it_is_written(field, values):
    cells = [load_experiment("demo", {field: value}).cells()[0] for value in values]
    assert len({cell.key("digest") for cell in cells}) == 1
    assert len({json.dumps(cell.params()) for cell in cells}) == 1


def test_numbers_that_differ_in_twelve_digits_are_different_and_have_different_params():
    cells = load_experiment("demo", {"corruption.fractions": [0.5, 0.500000000001], "seeds": 0}).cells()
    assert len({cell.key("digest") for cell in cells}) == 2
    assert len({cell.params()["fraction"] for cell in cells}) == 2


def test_a_grid_of_a_trillion_cells_is_counted_without_making_it():
    axes = {
        "seeds": "0-9999",
        "corruption.fractions": list(np.linspace(0, 1, 10_000)),
        "data.rows": list(range(10, 10_010)),
    }
    with pytest.raises(ConfigurationError, match="the grid has 1,000,000,000,000 cells"):
        load_experiment("demo", axes)
    with pytest.raises(ConfigurationError, match="at most 10000 seeds together"):
        load_experiment("demo", {"seeds": ",".join(["0-9999"] * 10_000)})


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ConfigurationError, match="allowed: a file"):
        load_experiment(str(tmp_path / "pipe.yaml"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "adam", "momentum": 0.9}, r"^descent\.momentum: 0\.9 given; allowed: 0 with the rule adam"),
        ({"rule": "nesterov"}, r"^descent\.momentum: 0\.0 given; allowed: above 0 with the rule nesterov"),
        ({"rule": "newton"}, r"^descent\.rule: 'newton' given; allowed: 'sgd', 'nesterov' or 'adam'"),
        ({"weight_decay": -1}, r"^descent\.weight_decay: -1 given; allowed: greater than or equal to 0"),
    ],
)
def test_unknown_step_rules_and_settings_that_do_not_fit_them_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        load_experiment("demo", {f"descent.{name}": value for name, value in changes.items()})
