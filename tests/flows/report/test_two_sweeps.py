"""Two sweeps compared with each other, against arithmetic by hand."""

import json
from io import StringIO

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.report.two_sweeps import TwoSweeps, compare_two, flat
from flows.store.results import select

# B − A is 1, 2, 3, 4 and 5 points for the seeds 2 to 6. Their mean is 3, their standard deviation sqrt(2.5), so that
# half the width of the interval is t(4) sqrt(2.5 / 5) = 2.776445 · 0.707107 = 1.963243. Of the 32 patterns of signs
# only "all plus" and "all minus" give a mean as far from 0 as 3: p = 2/32.
MEAN, HALF, P = 0.03, 0.01963243, 2 / 32


def experiment(name: str, **more) -> Experiment:
    return Experiment(name=name, **({"seeds": "0-6", "corruption": {"fractions": [0, 0.5]}} | more))


def slow(cell) -> dict[str, float]:
    return {"test/accuracy": 0.5 + 0.1 * (cell.seed % 3) - 0.2 * cell.fraction}


def fast(cell) -> dict[str, float]:
    return {"test/accuracy": slow(cell)["test/accuracy"] + 0.01 * (cell.seed - 1), "train/accuracy": 0.7}


def compared(store, *sources: str, by=("fraction",), metrics=()) -> TwoSweeps:
    first, second = (select(store.client, [source], everything=False) for source in sources)
    return compare_two(store.client, first, second, by, metrics)


def typed(store, *arguments: str):
    return CliRunner().invoke(app, ["compare", *arguments, "--tracking-uri", store.uri])


@pytest.fixture(scope="module")
def two(new_store):
    """A: seeds 0-6, fractions 0 and 0.5. B: seeds 2-8, fractions 0.5 and 1, a higher rate."""
    store = new_store()
    store.sweep(experiment("slow"), slow)
    more = {"seeds": "2-8", "corruption": {"fractions": [0.5, 1]}, "descent": {"learning_rate": 2}}
    store.sweep(experiment("fast", **more), fast)
    return store


class TestNumbers:
    def test_the_difference_is_paired_by_seed_as_by_hand(self, two):
        (group,) = json.loads(typed(two, "slow", "fast", "--json", "--metric", "test/accuracy").stdout)["groups"]
        numbers = group["test/accuracy"]
        assert (group["fraction"], numbers["seeds"]) == (0.5, 5)
        found = [numbers[name] for name in ("difference", "low", "high", "p_value")]
        assert found == pytest.approx([MEAN, MEAN - HALF, MEAN + HALF, P], abs=1e-8)

    def test_the_means_are_those_of_the_seeds_in_common_so_that_their_difference_is_that_of_the_pairs(self, two):
        numbers = json.loads(typed(two, "slow", "fast", "--json").stdout)["groups"][0]["test/accuracy"]
        # Seeds 2 to 6: 0.5 + 0.1 · (2, 0, 1, 2, 0) - 0.1.
        assert numbers["a"] == pytest.approx(0.5)
        assert numbers["b"] - numbers["a"] == pytest.approx(numbers["difference"])

    def test_the_other_way_round_the_difference_has_the_other_sign(self, two):
        forth, back = compared(two, "slow", "fast"), compared(two, "fast", "slow")
        assert forth.differences("test/accuracy").difference == pytest.approx(
            -back.differences("test/accuracy").difference
        )

    def test_a_metric_that_only_one_sweep_measured_has_no_pairs(self, two):
        groups = json.loads(typed(two, "slow", "fast", "--json").stdout)["groups"]
        assert all("train/accuracy" not in group for group in groups)

    def test_of_several_groups_each_p_value_has_holms_correction(self, store):
        store.sweep(experiment("slow"), slow)
        store.sweep(
            experiment("fast", descent={"learning_rate": 2}),
            lambda cell: {"test/accuracy": slow(cell)["test/accuracy"] + 0.1},
        )
        # All 7 seeds move the same way in both groups: p = 2/128 each, times 2.
        assert list(compared(store, "slow", "fast").differences("test/accuracy").p_adjusted) == pytest.approx(
            [4 / 128] * 2
        )

    def test_a_value_that_is_a_number_in_one_sweep_and_a_text_in_the_other_is_one_group(self, store):
        store.sweep(experiment("one", networks=[{"hidden": [16]}, {"hidden": [32]}]), slow)
        store.sweep(experiment("two", networks=[{"hidden": [16]}, {"hidden": [16, 16]}]), slow)
        assert [group["hidden"] for group in compared(store, "one", "two").groups] == [16, 16]


class TestNotes:
    def test_groups_and_seeds_that_only_one_sweep_has_are_named(self, two):
        notes = compared(two, "slow", "fast").notes
        assert notes[:4] == [
            "only A has fraction=0", "only A has the seeds 0-1 of fraction=0.5",
            "only B has fraction=1", "only B has the seeds 7-8 of fraction=0.5",
        ]  # fmt: skip

    def test_pairs_that_are_one_cell_are_named_and_not_tested(self, store):
        # Without a corrupted label the kind of corruption makes no difference: these cells have the same key.
        store.sweep(experiment("shuffled", corruption={"labels": "shuffle", "fractions": [0, 1]}), slow)
        store.sweep(
            experiment("redrawn", corruption={"labels": "redraw", "fractions": [0, 1]}),
            lambda cell: fast(cell) if cell.fraction else slow(cell),
        )
        two = compared(store, "shuffled", "redrawn")
        assert (
            "fraction=0: all pairs are the same cell in both sweeps (same key), and differ by 0 by construction"
            in two.notes
        )
        assert list(two.same) == [7, 0]
        found = json.loads(typed(store, "shuffled", "redrawn", "--json").stdout)["groups"][0]
        assert (found["same_cells"], found["test/accuracy"]["difference"], found["test/accuracy"]["p_value"]) == (
            7,
            0,
            None,
        )
        # One test is left, and so there is nothing to correct.
        versus = two.differences("test/accuracy")
        assert versus.p_adjusted[1] == versus.p_value[1]

    def test_two_sweeps_without_anything_in_common_say_so_in_every_format(self, store):
        store.sweep(experiment("one", corruption={"fractions": [0]}), slow)
        store.sweep(experiment("other", corruption={"fractions": [1]}), slow)
        for option in ("--json", "--csv", "--markdown", "--html"):
            answer = typed(store, "one", "other", option)
            assert answer.exit_code == 0, answer.exception
        assert "there is nothing to compare" in typed(store, "one", "other").stderr

    def test_another_commit_is_named(self, two, new_store):
        store = new_store()
        for name, commit in (("slow", "a" * 40), ("fast", "b" * 40)):
            sweep_id, _ = store.sweep(experiment(name), slow)
            store.client.set_tag(sweep_id, "mlflow.source.git.commit", commit)
        assert "different code: A was run by commit aaaaaaaaa, B by bbbbbbbbb" in compared(store, "slow", "fast").notes


class TestSettings:
    def test_settings_that_differ_are_named_with_both_values(self, two):
        assert compared(two, "slow", "fast").settings == [
            ("descent.learning_rate", str(Experiment(name="x").descent.learning_rate), "2.0"),
            ("corruption.fractions", "[0.0, 0.5]", "[0.5, 1.0]"),
            ("seeds", "0-6", "2-8"),
        ]

    def test_a_network_that_only_one_sweep_has_is_a_difference(self, store):
        store.sweep(experiment("one", networks=[{"hidden": [16]}]), slow)
        store.sweep(experiment("two", networks=[{"hidden": [16]}, {"hidden": [32, 8]}]), slow)
        settings = {path: (a, b) for path, a, b in compared(store, "one", "two").settings}
        assert settings["networks.1.hidden"] == ("–", "[32, 8]")
        assert "networks.0.hidden" not in settings

    def test_a_setting_that_is_newer_than_a_sweep_has_its_default(self, store):
        sweep_id, _ = store.sweep(experiment("old"), slow)
        recipe = experiment("old").model_dump(mode="json")
        del recipe["order"], recipe["descent"]["shift"]
        store.client.log_dict(sweep_id, recipe, "experiment.yaml")
        store.sweep(experiment("new"), slow)
        assert compared(store, "old", "new").settings == []
        assert "No setting differs." in typed(store, "old", "new").stdout

    def test_lists_of_values_are_one_setting_and_lists_of_mappings_are_several(self):
        assert flat({"a": {"b": [1, 2]}, "c": [{"d": 3}]}) == {"a.b": [1, 2], "c.0.d": 3}


class TestCommand:
    @pytest.mark.parametrize("option", ["--all", "--baseline=fraction=0"])
    def test_options_that_mean_nothing_for_two_sweeps_are_refused(self, two, option):
        answer = typed(two, "slow", "fast", option)
        assert isinstance(answer.exception, ConfigurationError)
        assert "allowed: with --by fraction,experiment" in str(answer.exception)

    def test_one_sweep_twice_is_refused(self, two):
        run_id = select(two.client, ["slow"], everything=False).sweep.info.run_id
        assert "given twice" in str(typed(two, "slow", run_id).exception)

    def test_two_sweeps_of_one_experiment_are_compared_by_their_run_ids(self, store):
        first, _ = store.sweep(experiment("one", seeds="0-1"), slow)
        second, _ = store.sweep(experiment("one", seeds="1-2"), slow)
        two = compared(store, first, second)
        assert list(two.same) == [1, 1]

    def test_grouped_by_experiment_the_cells_of_two_sweeps_are_pooled(self, two):
        groups = json.loads(typed(two, "slow", "fast", "--by", "fraction,experiment", "--json").stdout)
        assert [(group["fraction"], group["experiment"]) for group in groups] == [
            (0, "slow"), (0.5, "fast"), (0.5, "slow"), (1, "fast")
        ]  # fmt: skip

    def test_a_third_sweep_means_that_all_cells_are_pooled(self, two):
        two.sweep(experiment("third", seeds="0"), slow)
        assert isinstance(json.loads(typed(two, "slow", "fast", "third", "--json").stdout), list)

    def test_an_unknown_metric_is_refused(self, two):
        assert "--metric: 'x' given" in str(typed(two, "slow", "fast", "--metric", "x").exception)

    def test_all_formats_show_the_same_numbers(self, two):
        text = typed(two, "slow", "fast").stdout
        markdown = typed(two, "slow", "fast", "--markdown").stdout
        page = typed(two, "slow", "fast", "--html").stdout
        table = pd.read_csv(StringIO(typed(two, "slow", "fast", "--csv").stdout))
        for shown in (text, markdown, page):
            assert "+3.00" in shown
            assert "+1.04 … +4.96" in shown
            assert "descent.learning_rate" in shown
        assert table["test/accuracy.difference"].tolist() == pytest.approx([MEAN])

    def test_no_line_is_wider_than_a_terminal(self, two, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        lines = typed(two, "slow", "fast").stdout.splitlines()
        assert max(map(len, lines)) <= 80

    def test_the_page_draws_a_line_for_each_seed_and_needs_no_network(self, two):
        page = typed(two, "slow", "fast", "--html").stdout
        assert page.count('<line class="seed"') == 5
        assert page.count('<line class="mean"') == 1
        assert "http" not in page
        assert "<script" not in page
