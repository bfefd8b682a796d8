"""The report asks the trained networks about the test images and noise: what it shows is what they answer."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from flows.plan.experiment import Experiment
from flows.plan.preparation import load_data, network_of
from flows.report import image_answers
from flows.report.compare import compare, compare_all
from flows.report.page import median_cells
from flows.store.artifacts import load_weights
from flows.store.results import load_runs
from mlp.data.sets import DataUnavailable
from mlp.nn.descent import scaled

MINE = Experiment(
    name="mine", seeds="0-2", corruption={"fractions": [0, 0.5, 1]}, data={"name": "digits", "side": 8}
)  # fmt: skip


def measures(cell) -> dict[str, float]:
    noise = {"noise/uniform/confidence": [0.5, 0.9, 0.4][cell.seed], "noise/constant/confidence": 0.5}
    return {"test/accuracy": 0.9 + cell.seed / 100} | noise


@pytest.fixture(scope="module")
def trained(new_store):
    store = new_store()
    store.sweep(MINE, measures, weights=True)
    return store


def asked(store, comparison=None, recipe=None) -> image_answers.ImageAnswers:
    comparison = comparison or compare_all(load_runs(tracking_server=store.uri))
    return image_answers.ask(store.client, comparison, median_cells(comparison), recipe or {})


def digits_of_group(store, fraction: float, experiment: Experiment = MINE) -> tuple[np.ndarray, np.ndarray]:
    """The true digits (n,), and the digits (seeds, n) that the networks of a group answer."""
    runs = load_runs(tracking_server=store.uri)
    cells = {cell.name: cell for cell in experiment.cells() if cell.fraction == fraction}
    found = []
    for name, cell in cells.items():
        data = load_data(cell)
        parameters = load_weights(store.client, runs.loc[runs["name"] == name, "run_id"].item())
        found.append(network_of(cell, data).answers(parameters, scaled(data.test_images)).argmax(axis=1))
    return data.test_labels, np.array(found)


class TestConfusion:
    def test_a_row_is_the_share_of_the_answers_to_one_digit(self):
        matrix = image_answers.confusion(np.array([0, 0, 0, 0, 1], np.uint8), np.array([0, 0, 0, 2, 2]), 3)
        np.testing.assert_array_equal(matrix, [[0.75, 0, 0.25], [0, 0, 1], [np.nan] * 3])

    def test_each_group_has_the_mean_over_its_seeds_of_scikit_learns_matrices(self, trained):
        found = asked(trained).confusions
        assert sorted(found) == [0, 1, 2]
        for group, fraction in enumerate((0, 0.5, 1)):
            true, answers = digits_of_group(trained, fraction)
            theirs = [confusion_matrix(true, each, normalize="true", labels=range(10)) for each in answers]
            np.testing.assert_allclose(found[group], np.mean(theirs, axis=0))

    def test_images_are_corrupted_as_they_were_when_the_network_was_tested(self, new_store):
        store = new_store()
        shuffled = MINE.model_copy(
            update={"corruption": MINE.corruption.model_copy(update={"inputs": ("shuffled_pixels",)})}
        )
        store.sweep(shuffled, measures, weights=True)
        true, answers = digits_of_group(store, 0, shuffled)
        expected = np.mean([confusion_matrix(true, each, normalize="true") for each in answers], axis=0)
        np.testing.assert_allclose(asked(store).confusions[0], expected)

    def test_images_are_deskewed_for_a_network_that_learned_from_deskewed_ones(self, new_store):
        store = new_store()
        straight = MINE.model_copy(update={"data": MINE.data.model_copy(update={"preprocess": "deskew"})})
        store.sweep(straight, measures, weights=True)
        true, answers = digits_of_group(store, 0, straight)
        expected = np.mean([confusion_matrix(true, each, normalize="true") for each in answers], axis=0)
        np.testing.assert_allclose(asked(store).confusions[0], expected)

    def test_a_sweep_with_fewer_test_images_is_asked_about_those(self, trained):
        assert asked(trained, recipe={"data": {"test_rows": 50}}).misread.tested == 50


class TestMisread:
    def test_exactly_the_images_that_every_seed_of_the_baseline_misreads_are_found(self, trained):
        misread = asked(trained).misread
        true, answers = digits_of_group(trained, 0)
        wrong_for_all = {i for i in range(len(true)) if all(seed[i] != true[i] for seed in answers)}
        assert wrong_for_all
        assert set(misread.numbers) == wrong_for_all
        assert (misread.group, misread.networks, misread.tested) == (0, 3, len(true))
        for number, digit, answer, votes in zip(
            misread.numbers, misread.true, misread.answers, misread.votes, strict=True
        ):
            given = list(answers[:, number])
            assert digit == true[number]
            assert votes == given.count(answer) == max(map(given.count, given))

    def test_images_with_the_most_equal_answers_come_first(self, trained):
        votes = asked(trained).misread.votes
        assert list(votes) == sorted(votes, reverse=True)

    def test_another_baseline_is_asked_instead_of_the_first_group(self, trained):
        comparison = compare(load_runs(tracking_server=trained.uri), baseline="fraction=1")
        assert asked(trained, comparison).misread.group == 2

    def test_networks_that_are_never_wrong_together_misread_nothing(self):
        class Data:
            test_labels = np.array([1, 2])
            test_images = np.zeros((2, 4), np.uint8)

        misread = image_answers.misread_by_all(0, Data, np.array([[1, 0], [0, 2]]))
        assert (len(misread.numbers), len(misread.images), len(misread.answers)) == (0, 0, 0)


class TestNoise:
    def test_the_median_seeds_of_the_first_middle_and_last_group_answer_the_kinds_they_were_measured_on(self, trained):
        comparison = compare_all(load_runs(tracking_server=trained.uri))
        found = asked(trained).noise
        assert list(found) == ["uniform", "constant"]
        median = set(comparison.cells.loc[comparison.cells["seed"] == 0, "run_id"])  # 0.4 < 0.5 < 0.9
        assert set(found["uniform"]) == set(found["constant"]) == median
        for images, _ in found["constant"].values():
            assert (images == images[:, :1]).all()

    def test_the_answers_are_those_of_the_network(self, trained):
        runs = load_runs(tracking_server=trained.uri)
        run = runs[(runs["fraction"] == 0) & (runs["seed"] == 0)].iloc[0]
        images, answers = asked(trained).noise["uniform"][run["run_id"]]
        cell = next(cell for cell in MINE.cells() if cell.name == run["name"])
        network = network_of(cell, load_data(cell))
        expected = network.answers(load_weights(trained.client, run["run_id"]), images / np.float32(255))
        np.testing.assert_allclose(answers, expected, rtol=1e-5)


class TestGaps:
    def test_a_network_whose_weights_are_gone_is_left_out_with_a_note(self, new_store):
        store = new_store()
        store.sweep(MINE, measures, weights=True)
        runs = load_runs(tracking_server=store.uri)
        gone = runs[(runs["fraction"] == 0) & (runs["seed"] == 1)]["run_id"].item()
        (store.folder / "artifacts" / "mine" / gone / "artifacts" / "weights.npz").unlink()
        found = asked(store)
        assert found.notes == ["the weights of 1 of 9 networks are gone or damaged"]
        assert found.misread.networks == 2
        assert sorted(found.confusions) == [0, 1, 2]

    def test_a_data_set_that_is_not_available_is_noted(self, trained, monkeypatch):
        def unavailable(*_, **__):
            raise DataUnavailable("no network")

        monkeypatch.setattr(image_answers, "load", unavailable)
        found = asked(trained)
        assert (found.confusions, found.misread, found.noise) == ({}, None, {})
        (note,) = found.notes
        assert note.startswith("the data set digits was not available")

    @pytest.mark.parametrize("name", [None, "not a name"])
    def test_a_run_of_another_program_whose_data_set_is_unknown_is_not_asked(self, trained, name):
        cells = load_runs(tracking_server=trained.uri)
        cells["data"] = np.where(cells["fraction"] == 0.5, name, cells["data"])
        comparison = compare_all(cells)
        found = asked(trained, comparison)
        assert {comparison.groups[group]["fraction"] for group in found.confusions} == {0, 1}

    def test_of_many_cells_the_first_seeds_are_asked_and_it_is_said(self, trained, monkeypatch):
        monkeypatch.setattr(image_answers, "MAX_CELLS", 6)
        found = asked(trained)
        assert found.notes == ["the networks of the first 2 of 3 seeds were asked"]
        assert found.misread.networks == 2

    def test_of_many_groups_the_first_the_last_and_the_baseline_are_asked(self, trained, monkeypatch):
        monkeypatch.setattr(image_answers, "MAX_GROUPS", 2)
        found = asked(trained)
        assert sorted(found.confusions) == [0, 2]
        assert found.notes == ["2 of the 3 groups were asked"]
        comparison = compare(load_runs(tracking_server=trained.uri), baseline="fraction=0.5")
        assert sorted(asked(trained, comparison).confusions) == [0, 1, 2]
