"""Presets, files and changes become an experiment, or one clear line that names the field and what is allowed."""

import pytest
import yaml

from flows.configuration import load_experiment, parse_setting, preset_names
from flows.errors import ConfigurationError


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_named_like_its_file(name):
    experiment = load_experiment(name)
    assert experiment.name == name
    assert experiment.description


def test_the_shuffle_preset_is_the_mission():
    experiment = load_experiment("shuffle")
    assert experiment.seeds == tuple(range(10))
    assert experiment.corruption.fractions == (0, 0.25, 0.5, 0.75, 1)
    assert experiment.networks[0].hidden == (16, 16)
    assert experiment.data.name == "mnist"


def test_a_file_says_what_a_preset_would(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(load_experiment("demo").model_dump(mode="json")), encoding="utf-8")
    assert load_experiment(str(file)) == load_experiment("demo")


def test_changes_reach_every_depth():
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
        ("corruption.labels", "scramble", "'shuffle' or 'redraw'"),
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
def test_a_bad_value_is_one_line_with_the_field_what_was_given_and_what_is_allowed(field, value, allowed):
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
def test_a_field_or_a_grid_that_cannot_be_is_one_line(changes, expected):
    with pytest.raises(ConfigurationError) as caught:
        load_experiment("demo", changes)
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_names_the_known_ones():
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
def test_a_file_that_is_no_experiment_is_one_line(tmp_path, content, expected):
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=expected) as caught:
        load_experiment(str(file))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        load_experiment(str(tmp_path / "none.yaml"))
