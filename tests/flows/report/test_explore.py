"""What goes into the page in which a person draws; `tests/system/test_explore.py` opens it in a browser."""

import gzip
import json
import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.report import image_answers
from flows.report.compare import compare_all
from flows.report.explore import content as contents
from flows.report.explore.packing import exact, planes, rounded
from flows.report.explore.writing import PAGE, modules, write_page
from flows.store.artifacts import SNAPSHOTS, load_weights
from flows.store.results import Selection, read_curves, select
from mlp.data.sets import DataUnavailable, load
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.network import Network, flatten
from mlp.nn.weights import snapshot, write_snapshots

EXPERIMENT = Experiment(
    name="shapes", seeds="0-2", corruption={"fractions": [0, 0.5]}, data={"name": "digits", "side": 8},
    networks=[{"hidden": [6]}, {"hidden": [5, 4], "activation": "relu", "cost": "cross_entropy"}],
)  # fmt: skip


def metrics(cell) -> dict[str, float]:
    best = 1 if cell.fraction else 2  # the seed with the best test accuracy
    return {"test/accuracy": 0.9 - 0.1 * abs(cell.seed - best), "train/cost": 0.5, "test/cost": 0.6}


def page_of(store, selection: Selection) -> str:
    points = read_curves(store.client, list(selection.cells["run_id"]))
    return write_page(store.client, selection, compare_all(selection.cells), points)


def facts_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


def unpacked(page: str, name: str) -> bytes:
    found = re.search(rf'<script type="application/gzip" id="{name}">(.*?)</script>', page)
    assert found
    return gzip.decompress(b64decode(found[1]))


@pytest.fixture(scope="module")
def swept(new_store):
    """A store with a sweep, whose seeds 2 have snapshots, and the page on it."""
    store = new_store()
    store.sweep(EXPERIMENT, metrics, weights=True)
    store.selection = select(store.client, [], everything=False)
    for _, cell in store.selection.cells[store.selection.cells["seed"] == 2].iterrows():
        parameters = load_weights(store.client, cell["run_id"])
        write_snapshots(store.folder / SNAPSHOTS, {0: snapshot(parameters), 3: snapshot(parameters)})
        store.client.log_artifact(cell["run_id"], str(store.folder / SNAPSHOTS))
    store.text = page_of(store, store.selection)
    return store


def test_it_is_one_file_that_names_no_other_and_forbids_them(swept):
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)|url\(|@import|https?://(?!www\.w3\.org/)""", swept.text)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', swept.text)
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    assert not re.findall(r"https?:|\*|'self'", policy[1])


def test_every_module_is_in_it_and_imports_only_modules_that_are(swept):
    imports = modules()
    assert set(imports) == {file.name for file in PAGE.iterdir() if file.name.endswith(".js")}
    for address in imports.values():
        source = b64decode(address.partition(",")[2]).decode()
        assert set(re.findall(r'from "([^"]+)"', source)) <= set(imports)
        assert "import(" not in source


def test_every_text_of_the_modules_and_the_template_is_in_the_file_of_texts():
    def paths(part, before: str = "") -> set[str]:
        return {
            path
            for name, value in part.items()
            for path in (paths(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}"})
        }

    known = paths(json.loads((PAGE / "en.json").read_text(encoding="utf-8")))
    sources = "".join(
        file.read_text(encoding="utf-8") for file in PAGE.iterdir() if file.name.endswith((".js", ".html"))
    )
    used = set(re.findall(r"'(\w+\.\w+)'", sources)) | set(re.findall(r"texts\.(\w+\.\w+)", sources))
    used = {path for path in used if path.partition(".")[0] in {name.partition(".")[0] for name in known}}
    assert used <= known
    computed = {"choose.quadratic", "choose.cross_entropy"} | {path for path in known if path.startswith("valleys.")}
    assert known - used - computed == {"language"}


def test_the_best_seed_of_each_group_comes_first_with_its_exact_weights(swept):
    facts = facts_of(swept.text)
    assert len(facts["groups"]) == 4
    bests = [one for one in facts["networks"] if one["best"]]
    assert [one["group"] for one in bests] == [0, 1, 2, 3]
    assert sorted(one["seed"] for one in bests) == [1, 1, 2, 2]
    assert len(facts["networks"]) == 12
    assert facts["left_out"] == 0
    for index, one in enumerate(bests):
        parameters = load_weights(swept.client, one["run_id"])
        assert one["formats"][-1] == "f4"
        content = unpacked(swept.text, f"network-{index}")
        size = flatten(parameters).size
        last = np.frombuffer(content[-4 * size :], np.uint8).reshape(4, size).T
        np.testing.assert_array_equal(
            np.ascontiguousarray(last).view("<f4").ravel(), flatten(parameters).astype(np.float32)
        )


def test_the_snapshots_of_a_best_seed_are_in_it_and_without_any_its_start(swept):
    bests = [one for one in facts_of(swept.text)["networks"] if one["best"]]
    for index, one in enumerate(bests):
        assert one["epochs"] == ([0, 3, 4] if one["seed"] == 2 else [0, 4])  # the curves end there
        if one["seed"] != 2:
            start = Network(tuple(one["sizes"])).initialize(np.random.default_rng(0))
            assert len(unpacked(swept.text, f"network-{index}")) == 6 * flatten(start).size


def test_other_seeds_are_left_out_when_the_page_would_be_too_large(swept, monkeypatch):
    monkeypatch.setattr(contents, "MAX_CHARACTERS", 0)
    facts = facts_of(page_of(swept, swept.selection))
    assert [one["group"] for one in facts["networks"] if one["best"]] == [0, 1, 2, 3]
    assert facts["left_out"] == 12 - len(facts["networks"]) > 0


def test_groups_are_left_out_when_their_best_networks_are_too_large(swept, monkeypatch):
    first = facts_of(swept.text)
    monkeypatch.setattr(contents, "MAX_WEIGHTS", 0)
    facts = facts_of(page_of(swept, swept.selection))
    assert facts["groups"] == [first["groups"][0], first["groups"][-1]]
    assert facts["left_out"] == 6


def test_test_images_come_with_their_labels_and_the_answers_of_each_groups_best(swept):
    facts, data = facts_of(swept.text), load("digits", side=8)
    images = facts["images"]
    numbers = images["numbers"]
    assert len(numbers) == len(set(numbers)) == 200
    assert images["labels"] == data.test_labels[numbers].tolist()
    assert unpacked(swept.text, "images") == data.test_images[numbers].tobytes()
    bests = [one for one in facts["networks"] if one["best"]]
    for one, answers in zip(bests, images["answers"], strict=True):
        network = Network(tuple(one["sizes"]), one["activation"], one["cost"])
        given = network.answers(load_weights(swept.client, one["run_id"]), data.test_images[numbers] / np.float32(255))
        assert answers == given.argmax(axis=1).tolist()
    assert any(label != answer for label, answer in zip(images["labels"], images["answers"][0], strict=True))


def test_the_line_between_two_seeds_has_their_costs_at_its_ends(swept):
    facts, data = facts_of(swept.text), load("digits", side=8)
    assert len(facts["lines"]) == 4
    inputs = data.test_images[: facts["line_images"]] / np.float32(255)
    for line in facts["lines"]:
        for seed, cost in zip(line["seeds"], (line["costs"][0], line["costs"][-1]), strict=True):
            one = next(one for one in facts["networks"] if (one["group"], one["seed"]) == (line["group"], seed))
            network = Network(tuple(one["sizes"]), one["activation"], one["cost"])
            expected = network.average_cost(
                load_weights(swept.client, one["run_id"]), inputs, data.test_labels[: len(inputs)]
            )
            assert cost == pytest.approx(expected, abs=1e-4)


def test_curves_of_long_trainings_are_thinned_but_for_the_kept_epochs(swept):
    steps = np.arange(1001)
    points = pd.DataFrame({"run_id": "a", "metric": "train/cost", "step": steps, "value": steps / 1000})
    costs = points.pivot(index="step", columns=["run_id", "metric"], values="value")
    curve = contents.curve_of(costs, "a", [0, 13, 1000])
    assert {0, 13, 1000} <= set(curve["epochs"])
    assert len(curve["epochs"]) <= contents.MAX_POINTS + 3
    assert curve["train"] == [epoch / 1000 for epoch in curve["epochs"]]
    assert set(curve["test"]) == {None}


def test_without_its_data_set_there_is_no_page(swept, monkeypatch):
    def unavailable(*_, **__):
        raise DataUnavailable("away")

    monkeypatch.setattr(image_answers, "load", unavailable)
    with pytest.raises(ConfigurationError, match="data set is not available here"):
        page_of(swept, swept.selection)


def test_without_weights_there_is_no_page(store):
    store.sweep(EXPERIMENT, metrics)
    with pytest.raises(ConfigurationError, match="weights are gone or damaged"):
        page_of(store, select(store.client, [], everything=False))


@pytest.mark.parametrize(("name", "table"), [("ACTIVATIONS", ACTIVATIONS), ("COSTS", COSTS)])
def test_every_activation_and_every_cost_has_its_twin_in_the_page(name, table):
    body = re.search(
        rf"^(?:export )?const {name} = \{{\n(.*?)^\}};", (PAGE / "network.js").read_text("utf-8"), re.M | re.S
    )
    assert re.findall(r"^  (\w+):", body[1], re.M) == list(table)


class TestPacking:
    parameters = Network((9, 4, 2)).initialize(np.random.default_rng(1))

    def test_planes_are_the_bytes_of_all_numbers_the_first_of_each_first(self):
        assert planes(np.array([0x0102, 0x0304], np.uint16)) == bytes([2, 4, 1, 3])

    def test_exact_weights_lose_nothing(self):
        vector = flatten(self.parameters)
        back = np.frombuffer(exact(self.parameters), np.uint8).reshape(4, -1).T
        np.testing.assert_array_equal(np.ascontiguousarray(back).view("<f4").ravel(), vector)

    def test_rounded_weights_are_off_by_at_most_0_4_percent(self):
        vector = flatten(self.parameters)
        back = np.frombuffer(rounded(self.parameters), np.uint8).reshape(2, -1).T
        found = np.ascontiguousarray(back).view("<f2").ravel().astype(np.float32)
        large = np.abs(vector) > 1e-3
        assert (np.abs(found - vector)[large] <= 0.0045 * np.abs(vector)[large]).all()
        assert not np.array_equal(found, vector.astype(np.float16))
