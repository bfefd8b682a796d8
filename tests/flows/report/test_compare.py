"""Groups of cells that differ only in the seed, and the numbers reported for them."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from flows.errors import ConfigurationError
from flows.plan.cell import PARAMS, RUN_COLUMNS
from flows.plan.experiment import Experiment
from flows.report import tables
from flows.report.answer import answer
from flows.report.compare import compare
from mlp.measures.metrics import metric


def cells_of(experiment: Experiment, **metrics) -> pd.DataFrame:
    """A table like that of `load_runs`; each metric is given as a function of the cell."""
    rows = [
        dict.fromkeys(RUN_COLUMNS, "")
        | {name: value for name, value in cell.params().items() if name in PARAMS}
        | {"fraction": cell.fraction, "run_id": f"run-{place}", "started": pd.Timestamp(place, unit="s", tz="UTC")}
        | {name.replace("__", "/"): measure(cell) for name, measure in metrics.items()}
        for place, cell in enumerate(experiment.cells())
    ]
    return pd.DataFrame(rows)


def grid(seeds="0-4", fractions=(0, 0.5, 1), **more) -> Experiment:
    return Experiment(name="grid", seeds=seeds, corruption={"fractions": fractions}, **more)


def falling(cell) -> float:
    """An accuracy that falls with the share of wrong labels; successive seeds differ by a hundredth."""
    return 0.9 - 0.8 * cell.fraction + 0.01 * cell.seed


class TestGroups:
    def test_cells_that_differ_only_in_the_seed_form_a_group(self):
        comparison = compare(cells_of(grid(), test__accuracy=falling))
        assert [group["fraction"] for group in comparison.groups] == [0, 0.5, 1]
        assert list(comparison.seeds) == [5, 5, 5]
        assert comparison.by == ["fraction"]
        assert comparison.notes == []

    def test_any_other_param_that_varies_splits_the_groups_and_is_noted(self):
        experiment = grid(networks=[{"hidden": [16]}, {"hidden": [100]}, {"hidden": [16, 16]}])
        comparison = compare(cells_of(experiment, test__accuracy=falling))
        assert comparison.by == ["fraction", "hidden"]
        assert comparison.notes == ["also grouped by hidden, in which the cells differ"]
        assert len(comparison.groups) == 9

    def test_seeds_whose_curves_were_measured_on_other_numbers_of_images_stay_in_one_group(self):
        cells = cells_of(grid(), test__accuracy=falling)
        cells["evaluation_rows"] = ["all" if seed < 2 else "10000" for seed in cells["seed"]]
        assert list(compare(cells).seeds) == [5, 5, 5]

    def test_cells_that_differ_in_nothing_but_that_number_are_told_apart(self):
        comparison = compare(cells_of(grid(grid={"evaluation_rows": [100, 200]}), test__accuracy=falling))
        assert comparison.by == ["fraction", "evaluation_rows"]
        assert list(comparison.seeds) == [5] * 6

    def test_widths_are_sorted_by_size_and_deeper_networks_come_last(self):
        experiment = grid(fractions=[0], networks=[{"hidden": [h]} for h in (1000, 16)] + [{"hidden": [16, 16]}])
        comparison = compare(cells_of(experiment), ["hidden"])
        assert [group["hidden"] for group in comparison.groups] == ["16", "1000", "16-16"]

    def test_the_later_of_two_runs_of_the_same_cell_counts(self):
        cells = cells_of(grid("0"), test__accuracy=lambda cell: 0.1)
        again = cells.assign(started=cells["started"] + pd.Timedelta("1h"), **{"test/accuracy": 0.2})
        comparison = compare(pd.concat([again, cells]))
        assert list(comparison.of("test/accuracy").mean) == [0.2] * 3
        assert list(comparison.seeds) == [1, 1, 1]

    def test_a_run_without_a_seed_is_left_out_with_a_note(self):
        cells = cells_of(grid(), test__accuracy=falling)
        cells["seed"] = cells["seed"].astype(object)
        cells.loc[0, "seed"] = "someone's"
        comparison = compare(cells)
        assert comparison.notes[0] == "1 run without a seed is left out"
        assert comparison.seeds[0] == 4

    def test_comparing_no_cells_is_refused(self):
        with pytest.raises(ConfigurationError, match="cells: none has finished yet"):
            compare(cells_of(grid()).head(0))

    def test_few_seeds_and_unequal_seeds_are_noted(self):
        few = compare(cells_of(grid("0-3"), test__accuracy=falling))
        assert few.notes == ["a group has only 4 seeds: too few for an interval, so the seeds are shown instead"]
        tested = compare(cells_of(grid("0-4"), test__accuracy=falling), baseline="fraction=0")
        assert tested.notes == ["no p is given: 5 seeds allow no p below 0.125 (2 · 2 / 2^5)"]
        unequal = compare(cells_of(grid("0-5"), test__accuracy=falling).drop(index=0))
        assert unequal.notes == ["the groups have different seeds; differences use the seeds that both groups have"]

    def test_below_the_seeds_at_which_p_can_reach_0_05_there_is_no_p_and_caption_and_warning_say_why(self):
        for seeds, given in (("0-2", False), ("0-5", False), ("0-6", True)):
            cells = cells_of(grid(seeds), test__accuracy=falling)
            comparison = compare(cells, baseline="fraction=0", tested=["test/accuracy"])
            table = tables.detail(comparison, "test/accuracy")
            assert [row[-1] != "–" for row in table.rows[1:]] == [given] * 2
            why = f"{len(cells) // 3} seeds allow no p below"
            assert [note for note in comparison.notes if why in note] == [
                note for note in comparison.notes if " p " in note
            ]
            numbers = {
                re.search(rf"{why} (\S+)", text)[1] for text in [table.caption, *comparison.notes] if why in text
            }
            assert len(numbers) == 1
            assert ("No p:" in table.caption) == (not given)

    def test_a_column_of_the_values_of_few_seeds_is_not_called_an_interval(self):
        few, many = (compare(cells_of(grid(seeds), test__accuracy=falling)) for seeds in ("0-2", "0-4"))
        assert tables.detail(few, "test/accuracy").headings[-1] == "values"
        assert tables.detail(many, "test/accuracy").headings[-1] == "95 % interval"

    def test_the_error_for_an_unknown_param_lists_the_known_ones(self):
        with pytest.raises(ConfigurationError, match="--by: 'colour' given; allowed: experiment, corruption, fraction"):
            compare(cells_of(grid()), ["colour"])


class TestNumbers:
    def test_few_seeds_stand_in_the_table_as_points(self):
        cells = cells_of(grid("0-2"), test__accuracy=falling)
        comparison = compare(cells, baseline="fraction=0", tested=["test/accuracy"])
        half = tables.detail(comparison, "test/accuracy").rows[1]
        assert half[3] == "50.00, 51.00, 52.00"  # after fraction, seeds and mean
        assert "of fewer than 5 seeds, their values" in tables.detail_caption(comparison, "test/accuracy")

    def test_the_caption_says_how_small_a_p_can_be_and_what_the_choice_of_test_images_does(self):
        cells = cells_of(grid("0-9"), test__accuracy=lambda cell: 0.964 - 0.5 * cell.fraction).assign(
            test_images="10000"
        )
        comparison = compare(cells, baseline="fraction=0", tested=["test/accuracy"])
        caption = tables.detail_caption(comparison, "test/accuracy")
        assert "10 seeds allow no p below 0.00391 (2 · 2 / 2^10)." in caption
        assert "the sampling of 10,000 test images, ± 0.37 points at 96.40 %." in caption

    def test_the_statistics_agree_with_scipy(self):
        cells = cells_of(grid(), test__accuracy=falling)
        statistics = tables.records(compare(cells))[1]["test/accuracy"]
        values = [0.5 + 0.01 * seed for seed in range(5)]
        in_logits = stats.sem(values) / (0.52 * 0.48)  # by the delta method
        low, high = stats.logistic.cdf(stats.t.interval(0.95, 4, stats.logistic.ppf(0.52), in_logits))
        expected = {"seeds": 5, "mean": 0.52, "std": np.std(values, ddof=1), "median": 0.52, "iqm": 0.52}
        assert statistics == pytest.approx(expected | {"low": low, "high": high})

    def test_differences_agree_with_a_paired_t_test_and_p_values_with_a_sign_flip_test(self):
        rng = np.random.default_rng(3)
        cells = cells_of(grid("0-7"), test__accuracy=lambda cell: falling(cell) + rng.normal(0, 0.02))
        versus = tables.records(compare(cells, baseline="fraction=0", tested=["test/accuracy"]))[2]["test/accuracy"][
            "versus"
        ]
        values = cells.pivot(index="seed", columns="fraction", values="test/accuracy")
        paired = stats.ttest_rel(values[1.0], values[0.0])
        assert versus["difference"] == pytest.approx((values[1.0] - values[0.0]).mean())
        assert (versus["low"], versus["high"]) == pytest.approx(tuple(paired.confidence_interval()))
        assert versus["p_value"] == 2 / 2**8  # the accuracy fell for all eight seeds
        assert versus["p_adjusted"] == 2 * 2 / 2**8  # two comparisons
        assert versus["improvement"] == 0
        assert versus["differs"] is True

    def test_a_metric_that_only_some_groups_measured_is_reported_for_those(self):
        cells = cells_of(grid(), test__accuracy=falling, train__accuracy_memorized=lambda c: c.fraction or np.nan)
        groups = tables.records(compare(cells, baseline="fraction=0", tested=["train/accuracy_memorized"]))
        assert "train/accuracy_memorized" not in groups[0]
        assert groups[1]["train/accuracy_memorized"]["versus"]["difference"] is None
        assert groups[2]["train/accuracy_memorized"]["mean"] == 1

    def test_a_single_seed_has_a_mean_but_no_spread(self):
        statistics = tables.records(compare(cells_of(grid("3"), test__accuracy=falling)))[0]["test/accuracy"]
        assert statistics["mean"] == pytest.approx(0.93)
        assert [statistics[name] for name in ("std", "low", "high")] == [None] * 3

    def test_the_baseline_of_a_group_is_the_one_that_shares_its_other_params(self):
        experiment = grid(fractions=(0, 1), networks=[{"hidden": [16]}, {"hidden": [100]}])
        cells = cells_of(experiment, test__accuracy=lambda c: falling(c) + len(c.network.hidden) * c.network.hidden[0])
        comparison = compare(cells, baseline="fraction=0", tested=["test/accuracy"])
        labels = [(group["fraction"], group["hidden"]) for group in comparison.groups]
        assert labels == [(0, "16"), (0, "100"), (1, "16"), (1, "100")]
        assert comparison.baselines == [None, None, 0, 1]
        assert comparison.differences["test/accuracy"].difference[2:] == pytest.approx([-0.8, -0.8])

    def test_one_group_can_be_the_baseline_of_all_others(self):
        experiment = grid(fractions=(0, 1), networks=[{"hidden": [16]}, {"hidden": [100]}])
        comparison = compare(cells_of(experiment, test__accuracy=falling), baseline="fraction=0.0,hidden=100")
        assert comparison.baselines == [1, None, 1, 1]

    @pytest.mark.parametrize(
        ("baseline", "message"),
        [
            ("fraction=0.3", "--baseline: 'fraction=0.3' given; allowed values of fraction: 0, 0.5, 1"),
            ("hidden=16", "--baseline: 'hidden=16' given; allowed: NAME=VALUE, with one of the names fraction"),
            ("0", "--baseline: '0' given; allowed: NAME=VALUE, with one of the names fraction"),
        ],
    )
    def test_an_unknown_baseline_is_refused(self, baseline, message):
        with pytest.raises(ConfigurationError, match=message):
            compare(cells_of(grid()), baseline=baseline)

    def test_curves_are_averaged_step_by_step_and_a_run_that_ends_early_keeps_its_last_value(self):
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

    def test_csv_has_one_row_per_group(self, comparison):
        lines = tables.as_csv(tables.records(comparison, ["test/accuracy"])).splitlines()
        assert len(lines) == 4
        assert "test/accuracy.versus.p_adjusted" in lines[0]

    def test_the_values_of_few_seeds_do_not_push_params_out_of_a_narrow_terminal(self):
        cells = cells_of(grid("0-2"), test__accuracy=falling)
        comparison = compare(cells, baseline="fraction=0", tested=["test/accuracy"])
        console = Console(width=80, record=True)
        console.print(tables.detail(comparison, "test/accuracy"))
        assert re.findall(r"^ *(\S+) +3 ", text := console.export_text(), re.M) == ["0", "0.5", "1"]
        assert "…" not in text

    def test_every_row_of_a_markdown_table_has_the_same_number_of_cells(self, comparison):
        for text in (tables.as_markdown(comparison, []), tables.as_markdown(comparison, ["test/accuracy"])):
            rows = [line for line in text.splitlines() if line.startswith("|")]
            assert len(rows) == 5
            assert len({row.count("|") for row in rows}) == 1

    def test_shares_are_written_in_percent_and_costs_unchanged(self):
        assert metric("test/accuracy").text(0.9424) == "94.24"
        assert metric("test/accuracy").text(-0.0042, signed=True) == "−0.42"
        assert metric("train/cost").text(0.12345) == "0.1235"
        assert metric("epochs_to_0.9").text(7.0) == "7"
        assert metric("noise/uniform/entropy").text(2.3) == "2.3"
        assert metric("noise/uniform/confidence").text(np.nan) == "–"

    def test_both_tables_fit_eighty_columns(self, comparison):
        from rich.console import Console

        console = Console(width=80, record=True)
        for table in (tables.overview(comparison, "grid"), tables.detail(comparison, "test/accuracy")):
            console.print(table)
        text = console.export_text()
        assert "…" not in text.replace(" … ", "")  # nothing is cut off: dots only join the ends of an interval
        assert "fraction" in text


class TestAnswer:
    tested = ("test/accuracy", "noise/uniform/confidence")

    def sentences(self, cells, baseline="fraction=0") -> list[str]:
        return answer(compare(cells, baseline=baseline, tested=self.tested))

    def test_a_drop_is_reported_with_its_size_and_interval(self):
        accuracy, *_ = self.sentences(cells_of(grid(), test__accuracy=falling))
        assert accuracy == (
            "The networks read 92.00 % of the test images correctly (none shuffled), and 12.00 % (all shuffled): a "
            "difference of −80.00 points, seed by seed (95 % interval −80.00 to −80.00). Both other groups differ "
            "from the first by more than the seeds do from each other."
        )

    def test_the_answer_says_when_the_seeds_tell_no_group_from_another(self):
        rng = np.random.default_rng(0)
        cells = cells_of(grid("0-9"), test__accuracy=lambda _: rng.normal(0.9, 0.01))
        accuracy, *_ = self.sentences(cells)
        assert accuracy.endswith("These seeds tell none of the 2 other groups from the first.")

    def test_among_many_equal_groups_hardly_one_sweep_in_twenty_reports_a_difference(self):
        rng = np.random.default_rng(1)
        experiment = grid("0-4", [place / 5 for place in range(6)])
        answers = [
            self.sentences(cells_of(experiment, test__accuracy=lambda _: rng.normal(0.9, 0.01)))[0] for _ in range(40)
        ]
        assert sum("These seeds tell none" not in sentence for sentence in answers) <= 6

    def test_the_groups_that_differ_are_counted(self):
        rng = np.random.default_rng(0)
        cells = cells_of(grid("0-9"), test__accuracy=lambda c: rng.normal(0.9 - 0.5 * (c.fraction == 1), 0.01))
        assert self.sentences(cells)[0].endswith(
            "Of the 2 other groups 1 differs from the first by more than the seeds do; these seeds do not tell the "
            "other from it."
        )

    def test_with_several_baselines_each_group_is_compared_with_its_own(self):
        experiment = grid("0-4", (0, 1), networks=[{"hidden": [16]}, {"hidden": [100]}])
        sentence = self.sentences(
            cells_of(experiment, test__accuracy=lambda c: falling(c) + 0.001 * c.seed * c.fraction)
        )[0]
        assert sentence.endswith(
            "Both other groups differ from the group that shares all their other params by more than the seeds do from "
            "each other."
        )

    def test_with_one_seed_the_difference_is_unknown(self):
        assert "is unknown" in self.sentences(cells_of(grid("0"), test__accuracy=falling))[0]

    def test_a_single_group_is_reported_without_a_comparison(self):
        cells = cells_of(grid("0-4", (0,)), test__accuracy=falling)
        assert self.sentences(cells) == [
            "The networks read 92.00 % of the test images correctly (95 % interval 89.80 to 93.76)."
        ]

    @pytest.mark.parametrize(
        ("share", "verdict"), [(0.02, "hardly memorized"), (0.3, "memorized in part"), (0.95, "memorized")]
    )
    def test_memorization_is_judged_by_the_share_of_wrong_labels_given_back(self, share, verdict):
        metrics = {
            "test__accuracy": falling,
            "train__accuracy_memorized": lambda c: share * c.fraction if c.fraction else np.nan,
            "train__accuracy_resisted": lambda c: 0.7 if c.fraction == 0.5 else 0.1 if c.fraction else np.nan,
        }
        sentence = self.sentences(cells_of(grid(), **metrics))[1]
        assert sentence == (
            f"Wrong labels are {verdict}: {100 * share:.2f} % of them are given back (all shuffled), and "
            f"{50 * share:.2f} % (half shuffled), while 70.00 % of such images still get their true digit (half "
            "shuffled). Answers at random give back 10 %."
        )

    def test_true_digits_that_may_be_found_by_chance_are_no_resistance(self):
        cells = cells_of(
            grid(fractions=(0, 1)),
            train__accuracy_memorized=lambda c: 0.12 if c.fraction else np.nan,
            train__accuracy_resisted=lambda c: 0.106 if c.fraction else np.nan,
        )
        assert self.sentences(cells)[1] == (
            "Wrong labels are hardly memorized: 12.00 % of them are given back (all shuffled). Answers at random give "
            "back 10 %."
        )

    def test_without_wrong_labels_the_generalization_gap_is_reported(self):
        cells = cells_of(grid("0-4", (0,)), test__accuracy=falling, generalization_gap=lambda _: 0.013)
        assert self.sentences(cells)[1] == (
            "No label was wrong; the networks read 1.30 points more of the training images than of the test images."
        )

    def test_the_answer_says_whether_the_confidence_on_noise_differs(self):
        rng = np.random.default_rng(2)
        same = cells_of(grid("0-9"), noise__uniform__confidence=lambda _: rng.normal(0.6, 0.1))
        other = cells_of(grid("0-9"), noise__uniform__confidence=lambda c: rng.normal(0.6 - 0.5 * c.fraction, 0.01))
        assert self.sentences(same)[-1].endswith("These seeds tell none of the 2 other groups from the first.")
        assert (
            "60.24 % (none shuffled), and 10.37 % (all shuffled). Both other groups differ" in self.sentences(other)[-1]
        )

    def test_what_three_seeds_measured_is_said_at_both_ends_whether_or_not_it_may_be_chance(self):
        means = {0: 0.514, 0.5: 0.336, 1: 0.134}
        cells = cells_of(grid("0-2"), noise__uniform__confidence=lambda c: means[c.fraction] + 0.13 * (c.seed - 1))
        sentence = self.sentences(cells)[-1]
        assert "51.40 % (none shuffled), and 13.40 % (all shuffled)." in sentence

    def test_the_answer_says_when_the_accuracy_was_not_measured(self):
        assert self.sentences(cells_of(grid())) == ["The accuracy on the test images was not measured."]
