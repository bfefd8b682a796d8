"""An experiment holds everything that decides its results, and expands into cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.preparation import keyed_cells, load_data, train_labels_of
from flows.plan.settings import DescentSettings, NetworkSettings, NoiseSettings
from mlp.data.corruption import LABEL_CORRUPTIONS
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.descent import SCHEDULES, Descent
from mlp.nn.network import Network


def experiment(**fields) -> Experiment:
    return Experiment.model_validate({"name": "some", **fields})


def test_the_grid_is_the_product_of_its_axes():
    some = experiment(
        seeds="0-2",
        networks=[{"hidden": [16]}, {"hidden": [32]}],
        data={"rows": [100, None]},
        corruption={"fractions": [0, 1], "inputs": ["true", "gaussian"]},
    )
    cells = some.cells()
    assert len(cells) == 3 * 2 * 2 * 2 * 2
    assert len({(c.network, c.rows, c.inputs, c.fraction, c.seed) for c in cells}) == len(cells)


def test_cells_of_the_same_shape_are_adjacent():
    cells = experiment(seeds="0-1", networks=[{"hidden": [16]}, {"hidden": [32]}]).cells()
    assert [cell.network.hidden for cell in cells] == [(16,), (16,), (32,), (32,)]


@given(st.integers(0, 10**6), st.integers(0, 300))
def test_a_range_of_seeds_includes_both_ends(first, more):
    assert experiment(seeds=f"{first}-{first + more}").seeds == tuple(range(first, first + more + 1))


def test_seeds_can_be_a_number_a_list_or_a_mix_of_numbers_and_ranges():
    assert experiment(seeds="7, 0-2,5").seeds == (7, 0, 1, 2, 5)
    assert experiment(seeds=4).seeds == (4,)
    assert experiment(seeds=[4, 2]).seeds == (4, 2)


def only_cell(**fields) -> Cell:
    (cell,) = experiment(**({"seeds": 1, "corruption": {"fractions": 0.5}} | fields)).cells()
    return cell


def test_a_key_changes_with_everything_that_decides_the_result():
    variants = [
        {},
        {"seeds": 2},
        {"corruption": {"fractions": 0.25}},
        {"corruption": {"fractions": 0.5, "labels": "redraw"}},
        {"corruption": {"fractions": 0.5, "inputs": "gaussian"}},
        {"networks": [{"hidden": [16]}]},
        {"networks": [{"activation": "relu"}]},
        {"networks": [{"cost": "cross_entropy"}]},
        {"networks": [{"start": "normal"}]},
        {"descent": {"learning_rate": 1.0}},
        {"descent": {"batch_size": 32}},
        {"descent": {"epochs": 3}},
        {"descent": {"momentum": 0.9}},
        {"descent": {"schedule": "cosine"}},
        {"descent": {"shift": 1}},
        {"order": "seed"},
        {"noise": {"count": 10}},
        {"evaluation_rows": 1000},
        {"stop_accuracy": 0.999},
    ]
    keys = [only_cell(**fields).key("digest") for fields in variants] + [only_cell().key("another digest")]
    assert len(set(keys)) == len(keys)


def test_a_key_ignores_the_name_the_description_and_the_other_cells():
    key = only_cell().key("digest")
    assert only_cell(name="other", description="other words").key("digest") == key
    (alone, *_) = experiment(seeds="1-5", corruption={"fractions": [0.5, 1]}).cells()
    assert alone.key("digest") == key


def test_without_wrong_labels_the_key_ignores_the_kind_of_corruption():
    shuffled, redrawn = (
        only_cell(corruption={"fractions": 0, "labels": kind}).key("digest") for kind in ("shuffle", "redraw")
    )
    assert shuffled == redrawn


def test_a_cell_is_named_after_its_seed_and_its_fraction():
    assert only_cell().name == "seed=1 shuffle=0.50"


def test_the_name_of_a_cell_includes_every_other_axis_that_varies():
    cells = experiment(seeds=0, networks=[{"hidden": [16, 16]}, {"hidden": []}], data={"rows": [100, 200]}).cells()
    assert cells[0].name == "seed=0 shuffle=0.00 hidden=16-16 rows=100"
    assert cells[-1].name == "seed=0 shuffle=0.00 hidden=none rows=200"


def test_params_are_flat_and_fractions_sort_as_text_in_the_order_of_their_values():
    cells = experiment(corruption={"fractions": [0, 0.25, 0.5, 0.75, 1]}, seeds=0).cells()
    fractions = [cell.params()["fraction"] for cell in cells]
    assert fractions == sorted(fractions) == ["0", "0.25", "0.5", "0.75", "1"]
    assert all(isinstance(value, int | float | str | bool) for value in cells[0].params().values())


# If a default changes, cells trained with the old value would count as done with the new one: raise METHOD.
DEFAULTS = {
    "hidden": (16, 16),
    "activation": "sigmoid",
    "cost": "quadratic",
    "start": "fan_in",
    "learning_rate": 1.5,
    "batch_size": 10,
    "epochs": 30,
    "momentum": 0.0,
    "schedule": "exponential",
    "decay": 0.93,
    "center": False,
    "shift": 0,
    "kinds": ("uniform", "gaussian"),
    "count": 1000,
    "seed": 0,
    "order": "experiment",
    "evaluation_rows": None,
    "stop_accuracy": None,
}


def test_curves_of_large_training_sets_are_measured_on_the_first_ten_thousand_images_unless_a_cell_stops_when_it_fits():
    for fields, rows in (
        ({}, 10_000),
        ({"data": {"rows": 10_000}}, None),
        ({"data": {"name": "digits"}}, None),
        ({"evaluation_rows": 500}, 500),
        ({"evaluation_rows": 60_000}, None),
        ({"stop_accuracy": 1}, None),
    ):
        cell = only_cell(**fields)
        assert cell.curve_rows == rows, fields
        assert cell.params()["evaluation_rows"] == (rows or "all")
    with pytest.raises(ValidationError, match="evaluation_rows: 500 given with stop_accuracy; allowed: null"):
        only_cell(evaluation_rows=500, stop_accuracy=1)


def test_sets_of_known_side_are_not_enlarged_and_others_are_seen_when_they_are_loaded():
    for name in ("mnist", "fashion", "kmnist", "digits", "auto"):
        assert only_cell(data={"name": name, "side": 28}).side == 28
        with pytest.raises(ValidationError, match=f"side: 29 given; allowed: 4 to 28 for {name}, or null"):
            only_cell(data={"name": name, "side": 29})
    assert only_cell(data={"name": "CIFAR_10", "side": 29}).side == 29


def test_the_defaults_that_keys_leave_out_never_change():
    sections = (NetworkSettings(), DescentSettings(), NoiseSettings())
    found = {name: value for section in sections for name, value in section.model_dump().items()}
    found |= experiment().model_dump(include={"order", "evaluation_rows", "stop_accuracy"})
    assert {name: found[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"corruption": {"fractions": 0}}, "99e749ded9c58034"),
        ({"corruption": {"fractions": 0.5}, "seeds": 7}, "d33eddaf2f36c0c4"),
        (
            {
                "networks": [{"hidden": [512], "activation": "relu", "cost": "cross_entropy"}],
                "descent": {"learning_rate": 0.1, "batch_size": 128, "momentum": 0.9},
                "corruption": {"fractions": 1, "labels": "redraw", "inputs": "gaussian"},
                "stop_accuracy": 1,
            },
            "3f48b8d12c57e466",
        ),
    ],
)
def test_keys_never_change(fields, key):
    assert only_cell(**fields).key("digest") == key


def test_seeds_that_choose_their_own_rows_have_other_data_and_therefore_other_keys_and_stacks():
    settings = {"name": "digits", "rows": 200, "choice": "seed"}
    cells = keyed_cells(experiment(data=settings, seeds="0-2"))
    assert len({cell.shape for cell in cells.values()}) == 3
    images = [load_data(cell).train_images for cell in cells.values()]
    assert {len(chosen) for chosen in images} == {200}
    assert (images[0] != images[1]).any()
    one, other, again = (keyed_cells(experiment(data=settings, seeds=seed)) for seed in (0, 1, 0))
    assert list(one) == list(again) == list(cells)[:1]
    assert list(other) == list(cells)[1:2]


def test_corrupted_labels_are_those_of_each_seed_or_of_one_for_all():
    own, shared = (
        [train_labels_of(cell, load_data(cell)) for cell in experiment(
            data={"name": "digits"}, corruption={"fractions": 1, "labels": "redraw", "seed": seed}, seeds="0-1"
        ).cells()]
        for seed in (None, 5)
    )  # fmt: skip
    assert (own[0] != own[1]).any()
    assert (shared[0] == shared[1]).all()
    assert only_cell(corruption={"fractions": 1}).key("d") != only_cell(corruption={"fractions": 1, "seed": 0}).key("d")


def test_a_fraction_gives_the_same_key_however_it_is_written():
    keys = {only_cell(corruption={"fractions": given}).key("digest") for given in (0, 0.0, -0.0, "0", "-0", "0e0")}
    assert len(keys) == 1
    assert only_cell(corruption={"fractions": "0.50"}).key("d") == only_cell(corruption={"fractions": 0.5}).key("d")


def test_a_setting_allows_exactly_the_names_in_the_tables_of_mlp():
    fields = Experiment.model_json_schema()["$defs"]
    assert fields["NetworkSettings"]["properties"]["activation"]["enum"] == list(ACTIVATIONS)
    assert fields["DescentSettings"]["properties"]["schedule"]["enum"] == list(SCHEDULES)
    assert fields["CorruptionSettings"]["properties"]["labels"]["enum"] == list(LABEL_CORRUPTIONS)


def test_the_settings_have_the_defaults_of_mlp():
    descent, network = DescentSettings(), NetworkSettings()
    assert Descent(**descent.model_dump()) == Descent()
    assert Network((784, *network.hidden, 10), network.activation, network.cost, network.start) == Network()
