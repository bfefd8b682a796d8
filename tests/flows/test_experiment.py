"""An experiment says all that decides its results, and expands to cells."""

from hypothesis import given
from hypothesis import strategies as st

from flows.experiment import Cell, Experiment


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


def test_cells_of_one_shape_stand_together():
    cells = experiment(seeds="0-1", networks=[{"hidden": [16]}, {"hidden": [32]}]).cells()
    assert [cell.network.hidden for cell in cells] == [(16,), (16,), (32,), (32,)]


@given(st.integers(0, 10**6), st.integers(0, 300))
def test_a_range_of_seeds_means_all_numbers_from_the_first_to_the_last(first, more):
    assert experiment(seeds=f"{first}-{first + more}").seeds == tuple(range(first, first + more + 1))


def test_seeds_may_be_numbers_and_ranges_mixed():
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


def test_a_key_does_not_change_with_what_makes_no_difference():
    key = only_cell().key("digest")
    assert only_cell(name="other", description="other words").key("digest") == key
    (alone, *_) = experiment(seeds="1-5", corruption={"fractions": [0.5, 1]}).cells()
    assert alone.key("digest") == key


def test_with_no_label_spoiled_the_kind_of_corruption_makes_no_difference():
    shuffled, redrawn = (
        only_cell(corruption={"fractions": 0, "labels": kind}).key("digest") for kind in ("shuffle", "redraw")
    )
    assert shuffled == redrawn


def test_a_cell_is_named_by_its_seed_and_its_fraction():
    assert only_cell().name == "seed=1 shuffle=0.50"


def test_a_cell_is_named_by_the_other_axes_where_there_is_a_choice():
    cells = experiment(seeds=0, networks=[{"hidden": [16, 16]}, {"hidden": []}], data={"rows": [100, 200]}).cells()
    assert cells[0].name == "seed=0 shuffle=0.00 hidden=16-16 rows=100"
    assert cells[-1].name == "seed=0 shuffle=0.00 hidden=none rows=200"


def test_params_are_flat_and_sort_as_text_as_their_numbers_do():
    cells = experiment(corruption={"fractions": [0, 0.25, 0.5, 0.75, 1]}, seeds=0).cells()
    fractions = [cell.params()["fraction"] for cell in cells]
    assert fractions == sorted(fractions) == ["0", "0.25", "0.5", "0.75", "1"]
    assert all(isinstance(value, int | float | str | bool) for value in cells[0].params().values())
