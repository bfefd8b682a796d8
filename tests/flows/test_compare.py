"""Groups that differ in nothing but the seed, and the numbers that are told of them."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from flows import tables, words
from flows.compare import compare
from flows.errors import ConfigurationError
from flows.experiment import Experiment
from flows.results import PARAMS, RUN_COLUMNS


def cells_of(experiment: Experiment, **metrics) -> pd.DataFrame:
    """A table as `load_runs` gives it; a metric is a function of the cell."""
    rows = [
        dict.fromkeys(RUN_COLUMNS, "")
        | {name: value for name, value in cell.params().items() if name in PARAMS}
        | {"fraction": cell.fraction, "run_id": f"run-{place}", "started": pd.Timestamp(place, unit="s", tz="UTC")}
        | {name.replace("__", "/"): figure(cell) for name, figure in metrics.items()}
        for place, cell in enumerate(experiment.cells())
    ]
    return pd.DataFrame(rows)


def grid(seeds="0-4", fractions=(0, 0.5, 1), **more) -> Experiment:
    return Experiment(name="grid", seeds=seeds, corruption={"fractions": fractions}, **more)


def falling(cell) -> float:
    """Less with more wrong labels; the seeds differ by a hundredth."""
    return 0.9 - 0.8 * cell.fraction + 0.01 * cell.seed


class TestGroups:
    def test_seeds_make_a_group_and_fractions_tell_groups_apart(self):
        comparison = compare(cells_of(grid(), test__accuracy=falling))
        assert [group["fraction"] for group in comparison.groups] == [0, 0.5, 1]
        assert [group["seeds"] for group in comparison.groups] == [5, 5, 5]
        assert comparison.by == ["fraction"]
        assert comparison.notes == []

    def test_whatever_else_differs_is_added_and_said(self):
        experiment = grid(networks=[{"hidden": [16]}, {"hidden": [100]}, {"hidden": [16, 16]}])
        comparison = compare(cells_of(experiment, test__accuracy=falling))
        assert comparison.by == ["fraction", "hidden"]
        assert comparison.notes == ["grouped by hidden too, in which the cells differ"]
        assert len(comparison.groups) == 9

    def test_widths_are_sorted_by_size_though_one_of_them_is_a_text(self):
        experiment = grid(fractions=[0], networks=[{"hidden": [h]} for h in (1000, 16)] + [{"hidden": [16, 16]}])
        comparison = compare(cells_of(experiment), ["hidden"])
        assert [group["hidden"] for group in comparison.groups] == ["16", "1000", "16-16"]

    def test_of_two_runs_that_differ_in_nothing_the_later_counts(self):
        cells = cells_of(grid("0"), test__accuracy=lambda cell: 0.1)
        again = cells.assign(started=cells["started"] + pd.Timedelta("1h"), **{"test/accuracy": 0.2})
        comparison = compare(pd.concat([again, cells]))
        assert [group["test/accuracy"]["mean"] for group in comparison.groups] == [0.2] * 3
        assert [group["seeds"] for group in comparison.groups] == [1, 1, 1]

    def test_a_run_without_a_seed_is_left_out_and_said(self):
        cells = cells_of(grid(), test__accuracy=falling)
        cells["seed"] = cells["seed"].astype(object)
        cells.loc[0, "seed"] = "someone's"
        comparison = compare(cells)
        assert comparison.notes[0] == "1 runs without a seed are left out"
        assert comparison.groups[0]["seeds"] == 4

    def test_no_cell_at_all_is_a_plain_message(self):
        with pytest.raises(ConfigurationError, match="cells: none has finished yet"):
            compare(cells_of(grid()).head(0))

    def test_few_seeds_and_unequal_seeds_are_warned_of(self):
        few = compare(cells_of(grid("0-3"), test__accuracy=falling))
        assert few.notes == ["a group has 4 seeds only; with fewer than 5 trust no interval"]
        tested = compare(cells_of(grid("0-4"), test__accuracy=falling), baseline="fraction=0")
        assert tested.notes == ["with 5 seeds in common no p can be below 0.0625: look at the intervals"]
        unequal = compare(cells_of(grid("0-5"), test__accuracy=falling).drop(index=0))
        assert unequal.notes == ["the groups have different seeds; differences are over those that both have"]

    def test_an_unknown_param_is_refused_with_those_that_are_known(self):
        with pytest.raises(ConfigurationError, match="--by: 'nix' given; allowed: experiment, corruption, fraction"):
            compare(cells_of(grid()), ["nix"])


class TestNumbers:
    def test_figures_are_those_of_scipy(self):
        cells = cells_of(grid(), test__accuracy=falling)
        figures = compare(cells).groups[1]["test/accuracy"]
        values = [0.5 + 0.01 * seed for seed in range(5)]
        low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
        expected = {"seeds": 5, "mean": 0.52, "std": np.std(values, ddof=1), "median": 0.52, "iqm": 0.52}
        assert figures == pytest.approx(expected | {"low": low, "high": high})

    def test_differences_are_those_of_the_paired_t_test(self):
        rng = np.random.default_rng(3)
        cells = cells_of(grid("0-7"), test__accuracy=lambda cell: falling(cell) + rng.normal(0, 0.02))
        versus = compare(cells, baseline="fraction=0", tested=["test/accuracy"]).groups[2]["test/accuracy"]["versus"]
        values = cells.pivot(index="seed", columns="fraction", values="test/accuracy")
        paired = stats.ttest_rel(values[1.0], values[0.0])
        assert versus["difference"] == pytest.approx((values[1.0] - values[0.0]).mean())
        assert (versus["low"], versus["high"]) == pytest.approx(tuple(paired.confidence_interval()))
        assert versus["p_value"] == 2 / 2**8  # all eight seeds fell
        assert versus["p_adjusted"] == 2 * 2 / 2**8  # two pairs
        assert versus["improvement"] == 0
        assert versus["differs"] is True

    def test_a_metric_that_only_some_have_measured_is_told_for_those(self):
        cells = cells_of(grid(), test__accuracy=falling, train__accuracy_memorized=lambda c: c.fraction or np.nan)
        groups = compare(cells, baseline="fraction=0", tested=["train/accuracy_memorized"]).groups
        assert "train/accuracy_memorized" not in groups[0]
        assert groups[1]["train/accuracy_memorized"]["versus"]["difference"] is None
        assert groups[2]["train/accuracy_memorized"]["mean"] == 1

    def test_one_seed_has_a_mean_and_nothing_else(self):
        figures = compare(cells_of(grid("3"), test__accuracy=falling)).groups[0]["test/accuracy"]
        assert figures["mean"] == pytest.approx(0.93)
        assert [figures[name] for name in ("std", "low", "high")] == [None] * 3

    def test_a_baseline_is_the_group_that_is_like_it_in_all_else(self):
        experiment = grid(fractions=(0, 1), networks=[{"hidden": [16]}, {"hidden": [100]}])
        cells = cells_of(experiment, test__accuracy=lambda c: falling(c) + len(c.network.hidden) * c.network.hidden[0])
        comparison = compare(cells, baseline="fraction=0", tested=["test/accuracy"])
        labels = [(group["fraction"], group["hidden"]) for group in comparison.groups]
        assert labels == [(0, "16"), (0, "100"), (1, "16"), (1, "100")]
        assert comparison.baselines == [None, None, 0, 1]
        fell = [group["test/accuracy"]["versus"]["difference"] for group in comparison.groups[2:]]
        assert fell == pytest.approx([-0.8, -0.8])

    def test_a_baseline_may_be_one_group_for_all(self):
        experiment = grid(fractions=(0, 1), networks=[{"hidden": [16]}, {"hidden": [100]}])
        comparison = compare(cells_of(experiment, test__accuracy=falling), baseline="fraction=0.0,hidden=100")
        assert comparison.baselines == [1, None, 1, 1]

    @pytest.mark.parametrize(
        ("baseline", "message"),
        [
            ("fraction=0.3", "--baseline: 'fraction=0.3' given; allowed values of fraction: 0, 0.5, 1"),
            ("hidden=16", "--baseline: 'hidden=16' given; allowed: NAME=VALUE, with a name of fraction"),
            ("0", "--baseline: '0' given; allowed: NAME=VALUE, with a name of fraction"),
        ],
    )
    def test_a_baseline_that_is_not_there_is_refused(self, baseline, message):
        with pytest.raises(ConfigurationError, match=message):
            compare(cells_of(grid()), baseline=baseline)

    def test_curves_are_summed_up_step_by_step_and_an_early_end_stands(self):
        cells = cells_of(grid("0-1", (0,)))
        points = [("run-0", "test/cost", step, 4.0 - step) for step in range(4)] + [("run-1", "test/cost", 0, 2.0)]
        curves = compare(cells).curves(pd.DataFrame(points, columns=["run_id", "metric", "step", "value"]))
        np.testing.assert_array_equal(curves["test/cost"].mean, [[3, 2.5, 2, 1.5]])
        np.testing.assert_array_equal(curves["test/cost"].seeds, [[2, 2, 2, 2]])


class TestTables:
    @pytest.fixture
    def comparison(self):
        cells = cells_of(grid(), test__accuracy=falling, train__cost=lambda c: 1 + c.seed)
        return compare(cells, baseline="fraction=0", tested=["test/accuracy"])

    def test_json_is_a_list_of_groups_without_nan(self, comparison):
        groups = json.loads(tables.as_json(comparison, []), parse_constant=pytest.fail)
        assert [group["fraction"] for group in groups] == [0, 0.5, 1]
        assert groups[0]["test/accuracy"]["mean"] == pytest.approx(0.92)
        assert list(json.loads(tables.as_json(comparison, ["train/cost"]))[0]) == ["fraction", "seeds", "train/cost"]

    def test_csv_has_a_row_a_group(self, comparison):
        lines = tables.as_csv(comparison, ["test/accuracy"]).splitlines()
        assert len(lines) == 4
        assert "test/accuracy.versus.p_adjusted" in lines[0]

    def test_markdown_tables_have_as_many_cells_in_every_row(self, comparison):
        for text in (tables.as_markdown(comparison, []), tables.as_markdown(comparison, ["test/accuracy"])):
            rows = [line for line in text.splitlines() if line.startswith("|")]
            assert len(rows) == 5
            assert len({row.count("|") for row in rows}) == 1

    def test_shares_are_told_in_percent_and_costs_as_they_are(self):
        assert tables.value("test/accuracy", 0.9424) == "94.24"
        assert tables.value("test/accuracy", -0.0042, signed=True) == "−0.42"
        assert tables.value("train/cost", 0.12345) == "0.1235"
        assert tables.value("epochs_to_0.9", 7.0) == "7"
        assert tables.value("noise/uniform/entropy", 2.3) == "2.3"
        assert tables.value("noise/uniform/confidence", None) == "–"

    def test_both_tables_fit_eighty_columns(self, comparison):
        from rich.console import Console

        console = Console(width=80, record=True)
        for table in (tables.overview(comparison, "grid"), tables.detail(comparison, "test/accuracy")):
            console.print(table)
        text = console.export_text()
        assert "…" not in text.replace(" … ", "")  # nothing is cut, but the dots between the ends of an interval
        assert "fraction" in text


class TestWords:
    tested = ("test/accuracy", "noise/uniform/confidence")

    def told(self, cells, baseline="fraction=0") -> list[str]:
        return words.answer(compare(cells, baseline=baseline, tested=self.tested))

    def test_a_fall_is_told_with_its_size_and_interval(self):
        learned, *_ = self.told(cells_of(grid(), test__accuracy=falling))
        assert learned == (
            "The networks read 92.00 % of the test images correctly at fraction=0, and 12.00 % at fraction=1: a "
            "difference of −80.00 points, seed by seed (95 % interval −80.00 to −80.00). Both other groups differ "
            "from the first by more than the seeds do from each other."
        )

    def test_where_nothing_differs_the_report_says_so(self):
        rng = np.random.default_rng(0)
        cells = cells_of(grid("0-9"), test__accuracy=lambda _: rng.normal(0.9, 0.01))
        learned, *_ = self.told(cells)
        assert learned.startswith("Nothing differs: the networks read")
        assert "may well be none" in learned

    def test_among_many_groups_without_a_difference_hardly_one_sweep_in_twenty_tells_of_one(self):
        rng = np.random.default_rng(1)
        experiment = grid("0-4", [place / 5 for place in range(6)])
        told = [self.told(cells_of(experiment, test__accuracy=lambda _: rng.normal(0.9, 0.01)))[0] for _ in range(40)]
        assert sum(not sentence.startswith("Nothing differs") for sentence in told) <= 6

    def test_when_some_differ_they_are_counted(self):
        rng = np.random.default_rng(0)
        cells = cells_of(grid("0-9"), test__accuracy=lambda c: rng.normal(0.9 - 0.5 * (c.fraction == 1), 0.01))
        assert self.told(cells)[0].endswith("Of the 2 other groups 1 differs from the first by more than the seeds do.")

    def test_with_several_baselines_each_group_is_held_against_its_own(self):
        experiment = grid("0-4", (0, 1), networks=[{"hidden": [16]}, {"hidden": [100]}])
        told = self.told(cells_of(experiment, test__accuracy=lambda c: falling(c) + 0.001 * c.seed * c.fraction))[0]
        assert told.endswith(
            "Both other groups differ from the group that is like them in all else by more than the seeds do from each "
            "other."
        )

    def test_one_seed_tells_no_difference(self):
        assert "no telling" in self.told(cells_of(grid("0"), test__accuracy=falling))[0]

    def test_one_group_is_told_alone(self):
        cells = cells_of(grid("0-4", (0,)), test__accuracy=falling)
        assert self.told(cells) == [
            "The networks read 92.00 % of the test images correctly (95 % interval 90.04 to 93.96)."
        ]

    @pytest.mark.parametrize(
        ("share", "verdict"), [(0.02, "hardly memorized"), (0.3, "memorized in part"), (0.95, "memorized")]
    )
    def test_memorizing_is_told_by_how_many_wrong_labels_come_back(self, share, verdict):
        metrics = {
            "test__accuracy": falling,
            "train__accuracy_memorized": lambda c: share * c.fraction if c.fraction else np.nan,
            "train__accuracy_resisted": lambda c: 0.7 if c.fraction == 0.5 else 0.1 if c.fraction else np.nan,
        }
        told = self.told(cells_of(grid(), **metrics))[1]
        assert told == (
            f"They {verdict}: {100 * share:.2f} % of the wrong training labels come back at fraction=1, while 70.00 % "
            "of such images get their right digit all the same at fraction=0.5."
        )

    def test_without_wrong_labels_the_gap_is_told(self):
        cells = cells_of(grid("0-4", (0,)), test__accuracy=falling, generalization_gap=lambda _: 0.013)
        assert self.told(cells)[1] == (
            "No label was wrong; of the training images they read 1.30 points more than of the test images."
        )

    def test_noise_that_gets_the_same_answer_everywhere_is_told_so(self):
        rng = np.random.default_rng(2)
        same = cells_of(grid("0-9"), noise__uniform__confidence=lambda _: rng.normal(0.6, 0.1))
        other = cells_of(grid("0-9"), noise__uniform__confidence=lambda c: rng.normal(0.6 - 0.5 * c.fraction, 0.01))
        assert self.told(same)[-1].endswith("no group differs in that.")
        assert self.told(other)[-1].endswith(" at fraction=1.")

    def test_nothing_measured_is_told_as_that(self):
        assert self.told(cells_of(grid())) == ["The accuracy on the test images was not measured."]
