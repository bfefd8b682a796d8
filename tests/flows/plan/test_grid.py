"""Any setting can be a list of values; the grid is the product of all of them."""

import json
from typing import Any

import jsonschema
import pytest

from flows.errors import ConfigurationError
from flows.plan.configuration import load_experiment, parse_axis
from flows.plan.experiment import Experiment


def experiment(**fields) -> Experiment:
    return Experiment.model_validate({"name": "some", "seeds": "0-1", **fields})


RATES = {"learning_rate": [0.5, 1.5, 3], "momentum": [0, 0.9]}


def test_the_grid_is_the_product_of_all_lists_with_seeds_and_fractions():
    cells = experiment(descent=RATES, corruption={"fractions": [0, 1]}).cells()
    found = {(c.descent.learning_rate, c.descent.momentum, c.fraction, c.seed) for c in cells}
    assert found == {
        (r, m, f, s) for r in RATES["learning_rate"] for m in RATES["momentum"] for f in (0, 1) for s in (0, 1)
    }
    assert len(cells) == len(found)


def test_a_list_in_a_network_makes_several_networks():
    networks = experiment(
        networks=[{"activation": ["sigmoid", "relu"], "hidden": [[16], [8, 8]]}, {"cost": "quadratic"}]
    )
    assert [(network.activation, network.hidden) for network in networks.networks] == [
        ("sigmoid", (16,)), ("sigmoid", (8, 8)), ("relu", (16,)), ("relu", (8, 8)), ("sigmoid", (16, 16))
    ]  # fmt: skip


# Every setting that decides the result of a cell, with two values.
SETTINGS: dict[str, list[Any]] = {
    "data.name": ["mnist", "fashion"],
    "data.split": ["canonical", "stratified"],
    "data.test_rows": [None, 100],
    "data.side": [28, 14],
    "descent.learning_rate": [0.5, 1],
    "descent.batch_size": [10, 32],
    "descent.epochs": [3, 4],
    "descent.momentum": [0, 0.9],
    "descent.rule": ["sgd", "adam"],
    "descent.weight_decay": [0, 0.1],
    "descent.dropout": [0, 0.5],
    "descent.schedule": ["constant", "cosine"],
    "descent.decay": [0.9, 1],
    "descent.center": [False, True],
    "descent.shift": [0, 1],
    "corruption.labels": ["shuffle", "redraw"],
    "noise.count": [10, 20],
    "noise.seed": [0, 1],
    "order": ["experiment", "seed"],
    "evaluation_rows": [None, 100],
    "stop_accuracy": [None, 0.9],
    "networks.0.hidden": [[16], []],
    "networks.0.activation": ["sigmoid", "relu"],
    "networks.0.cost": ["quadratic", "cross_entropy"],
    "networks.0.start": ["fan_in", "normal"],
}


@pytest.mark.parametrize("path", SETTINGS)
def test_any_setting_can_be_an_axis_and_tells_its_cells_apart(path):
    def keys(value: Any) -> list[str]:
        changes = {path: value, "seeds": 1, "corruption.fractions": 0.5}
        return [cell.key("digest") + cell.data.name for cell in load_experiment("demo", changes).cells()]

    both = load_experiment("demo", {path: SETTINGS[path], "seeds": 1, "corruption.fractions": 0.5}).cells()
    assert keys(SETTINGS[path]) == [key for value in SETTINGS[path] for key in keys(value)]
    assert len({cell.name for cell in both}) == len({json.dumps(cell.params()) for cell in both}) == 2


def test_a_cell_of_a_grid_has_the_key_of_the_same_cell_trained_alone():
    grid = experiment(descent=RATES).cells()
    alone = experiment(descent={"learning_rate": 1.5, "momentum": 0.9}, seeds=1).cells()[0]
    assert alone.key("digest") in [cell.key("digest") for cell in grid]


def test_a_cell_is_named_by_what_varies():
    names = [cell.name for cell in experiment(descent=RATES, networks=[{"activation": ["tanh", "relu"]}]).cells()]
    assert names[0] == "seed=0 shuffle=0.00 activation=tanh learning_rate=0.5 momentum=0"
    assert names[-1] == "seed=1 shuffle=0.00 activation=relu learning_rate=3 momentum=0.9"
    assert len(set(names)) == len(names)


def test_an_experiment_with_a_grid_survives_being_written_and_read():
    before = experiment(descent=RATES, networks=[{"hidden": [[8], [16]]}])
    after = Experiment.model_validate(json.loads(json.dumps(before.model_dump(mode="json"))))
    assert after == before
    assert after.cells() == before.cells()


def test_an_experiment_made_in_python_takes_lists_too():
    assert Experiment(name="some", seeds=[0, 1], descent=RATES).cells() == experiment(descent=RATES).cells()


def test_the_form_takes_the_axes_by_path():
    by_path = {
        "name": "some",
        "seeds": [0, 1],
        "grid": {"descent.momentum": [0, 0.9], "networks.0.cost": ["quadratic"]},
    }
    jsonschema.validate(by_path, Experiment.model_json_schema())
    assert Experiment.model_validate(by_path) == experiment(descent={"momentum": [0, 0.9]})


def test_cells_that_share_mini_batches_share_a_shape_and_others_do_not():
    def shapes(**descent) -> int:
        return len({cell.shape for cell in experiment(descent=descent).cells()})

    assert shapes(**RATES, weight_decay=[0, 0.1], dropout=[0, 0.5]) == 1
    assert shapes(**RATES, weight_decay=[0, 0.1], schedule=["constant", "cosine"], decay=[0.9, 1], epochs=[3, 4]) == 1
    assert shapes(batch_size=[10, 32]) == shapes(center=[False, True]) == shapes(shift=[0, 1]) == 2
    assert len({cell.shape for cell in experiment(networks=[{"start": ["fan_in", "normal"]}]).cells()}) == 1
    assert len({cell.shape for cell in experiment(networks=[{"activation": ["relu", "tanh"]}]).cells()}) == 2


def test_a_setting_changed_at_the_prompt_is_no_axis_any_more(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\ndescent: {momentum: [0, 0.9]}\ngrid: {descent.epochs: [3, 4]}\n")
    assert len(load_experiment(str(file), {"seeds": 0}).cells()) == 4
    assert len(load_experiment(str(file), {"seeds": 0, "descent.epochs": 5, "descent.momentum": 0.5}).cells()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("descent.learning_rate=0.5,1.5,3", ("descent.learning_rate", [0.5, 1.5, 3])),
        ("networks.0.hidden=[16],[8, 8]", ("networks.0.hidden", [[16], [8, 8]])),
        ("evaluation_rows=null,100", ("evaluation_rows", [None, 100])),
        ("seeds=0-9", ("seeds", "0-9")),
    ],
)
def test_an_axis_at_the_prompt_is_a_path_and_values_with_commas(text, expected):
    assert parse_axis(text) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"descent.momentum": [0, 1]}, r"^descent\.momentum: 1 given; allowed: less than 1"),
        ({"descent.momentum": [0, "0.0"]}, r"^descent\.momentum: a value given twice; allowed: every value once"),
        ({"descent.momentum": []}, r"^descent\.momentum: an empty list given; allowed: one or more values"),
        ({"networks.0.activation": ["relu", "no"]}, r"^networks\.0\.activation: 'no' given; allowed: 'sigmoid'"),
        (
            {"descent.rule": ["sgd", "nesterov"]},
            r"^descent\.momentum: 0\.0 given; allowed: above 0 with the rule nesterov",
        ),
        ({"descent.learning_rate": list(range(1, 20_000))}, r"^the grid has 19,999 cells; allowed: at most 10,000"),
        ({"name": ["a", "b"]}, r"^name: \['a', 'b'\] given; allowed: a text"),
        ({"grid": {"descent.rate": [1, 2]}}, r"^descent\.rate: unknown field; allowed: learning_rate, "),
        ({"grid": {"networks.5.cost": ["quadratic"]}}, r"^networks\.5\.cost: no such field"),
        (
            {"grid": {"descent.momentum": [0.5, 0.9]}, "descent.momentum": 0.1},
            r"^descent\.momentum: 0\.1 given, and other",
        ),
        ({"grid": [1]}, r"^grid: \[1\] given; allowed: "),
    ],
)
def test_a_wrong_list_is_refused_in_one_line_with_the_path_of_its_field(changes, message):
    settings = dict(changes)
    if "grid" in changes and len(changes) > 1:
        settings = {name: changes[name] for name in ("descent.momentum", "grid")}
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_experiment("demo", settings)
    assert "\n" not in str(caught.value)


def test_a_list_that_contains_itself_is_refused(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\ndescent: {momentum: &loop [*loop]}\n")
    with pytest.raises(ConfigurationError, match=r"^descent\.momentum: "):
        load_experiment(str(file))


def test_equal_work_in_two_corners_of_a_grid_is_one_cell():
    cells = experiment(corruption={"labels": ["shuffle", "redraw"], "fractions": [0, 1]}, seeds=0).cells()
    names = ["seed=0 shuffle=0.00", "seed=0 shuffle=1.00", "seed=0 redraw=1.00"]
    assert [cell.name for cell in cells] == names


CYCLE = [[float(given == (true + 1) % 10) for given in range(10)] for true in range(10)]


def test_kinds_of_label_noise_and_their_matrices_are_axes_too():
    noise = {"labels": "flip", "fractions": 0.4, "flips": ["4-9", "3-8, 7>1"]}
    cells = experiment(corruption=noise, seeds=0).cells()
    assert [cell.name for cell in cells] == ["seed=0 flip=0.40 flips=4-9", "seed=0 flip=0.40 flips=3-8,7>1"]
    (cell,) = experiment(corruption=noise | {"flips": CYCLE}, seeds=0).cells()
    assert cell.corruption.flips == tuple(map(tuple, CYCLE))
    both = experiment(corruption=noise | {"flips": [CYCLE, CYCLE[::-1]]}, seeds=0).cells()
    assert len({cell.params()["flips"] for cell in both}) == len({cell.key("") for cell in both}) == 2


def test_flips_decide_a_key_only_where_labels_are_flipped():
    def key(**corruption) -> str:
        return experiment(corruption=corruption, seeds=0).cells()[0].key("digest")

    assert key(labels="redraw", fractions=0.5, flips="3-8") == key(labels="redraw", fractions=0.5)
    assert key(labels="flip", fractions=0, flips="3-8") == key()
    assert key(labels="flip", fractions=0.5, flips="3 - 8") == key(labels="flip", fractions=0.5, flips="3-8")
    assert key(labels="flip", fractions=0.5, flips="3-8") != key(labels="flip", fractions=0.5)


@pytest.mark.parametrize("flips", ["4=9", [[1, 0], [0, 1]], 3])
def test_flips_that_are_no_matrix_are_refused_in_one_line(flips):
    with pytest.raises(ConfigurationError, match=r"^corruption\.flips: .* given; allowed: (pairs|10 rows|rows of)"):
        load_experiment("demo", {"corruption.flips": flips})
