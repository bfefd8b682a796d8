"""Claims: their files, their measures on small networks, and the verdicts."""

import inspect
import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.claims import judgement, verdicts
from flows.claims.claim import CLAIM_FILES, SCALES, Quantity, load_claim, merged
from flows.claims.judgement import VERDICT_FILE, as_run, judge, seconds_trained, stored_verdicts
from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.plan.preparation import load_data
from flows.sweep.training import training_of
from mlp.claims import CLAIMS, Findings, Networks, measure_of
from mlp.claims.critical import measure as critical
from mlp.data.sets import DataUnavailable


def shrunk(experiment: Experiment) -> Experiment:
    """The same grid on a few digits, so that it trains in seconds."""
    settings = experiment.model_dump()
    settings["data"]["rows"] = [min(rows or 200, 60 * (i + 1)) for i, rows in enumerate(settings["data"]["rows"])]
    settings["data"]["test_rows"] = 60
    settings["descent"]["epochs"] = min(settings["descent"]["epochs"], 3)
    settings["seeds"] = [0, 1, 2]
    settings["noise"]["count"] = 20
    if len(settings["networks"]) == 1:
        settings["networks"][0]["hidden"] = [min(neurons, 32) for neurons in settings["networks"][0]["hidden"]]
    return Experiment.model_validate(settings)


def trained(experiment: Experiment) -> Networks:
    """Train the experiment's cells, without a store."""
    runs, stacks = Networks(), {}
    for cell in experiment.cells():
        stacks.setdefault(cell.shape, []).append(cell)
    for cells in stacks.values():
        data = load_data(cells[0])
        training = training_of(cells, data)
        history = training.history
        for _ in training.epochs():
            pass
        for column, cell in enumerate(cells):
            curves = {name: values[:, column] for name, values in history.metrics.items()}
            runs.append(as_run(cell, data, curves, partial(list, history.parameters[column])))
    return runs


class TestClaimFiles:
    @pytest.mark.parametrize("scale", SCALES)
    @pytest.mark.parametrize("name", CLAIMS)
    def test_every_claim_is_valid_at_both_scales(self, name, scale):
        claim = load_claim(name, scale)
        assert {experiment.name for experiment in claim.experiments.values()} == {f"claim-{name}-{scale}"}
        assert next(iter(claim.experiments.values())).data.name == "auto"

    @pytest.mark.parametrize("name", CLAIMS)
    def test_every_claim_judges_a_quantity_and_cites_its_source_for_each(self, name):
        judged = [quantity for quantity in load_claim(name, "full").quantities.values() if quantity.judged]
        assert any(quantity.setup == "" for quantity in judged)
        assert all(quantity.says for quantity in judged)

    @pytest.mark.parametrize("name", CLAIMS)
    def test_a_difference_of_shares_has_no_interval_of_a_share(self, name):
        # The interval of a share never includes 0, so that it would prove every difference.
        percents = [quantity for quantity in load_claim(name, "full").quantities.values() if quantity.percent]
        differences = {
            quantity.scale
            for quantity in percents
            if quantity.at_least == 0 or any(word in quantity.words for word in (" minus ", "increase"))
        }
        assert differences <= {"linear"}

    def test_every_claim_file_has_a_measure_and_every_measure_a_file(self):
        folders = {entry.name for entry in CLAIM_FILES.iterdir() if (entry / "claim.yaml").is_file()}
        assert folders == set(CLAIMS)
        assert all(callable(measure_of(name)) for name in CLAIMS)

    @pytest.mark.parametrize("name", CLAIMS)
    def test_the_experiments_of_a_claim_are_the_arguments_of_its_measure(self, name):
        # A measure that takes any number of them by name has a single parameter of another kind.
        inspect.signature(measure_of(name)).bind(**load_claim(name, "small").experiments)

    def test_a_scale_changes_only_the_fields_it_names(self):
        assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [4]}) == {"a": {"b": 3, "c": 2}, "d": [4]}

    def test_seeds_of_ones_own_apply_to_every_experiment_and_are_kept_apart(self):
        claim = load_claim("noise", "small", seeds="3,5")
        assert {experiment.seeds for experiment in claim.experiments.values()} == {(3, 5)}
        assert {experiment.name for experiment in claim.experiments.values()} == {"claim-noise-small-seeds"}
        with pytest.raises(ConfigurationError, match="seeds: 'many' given; allowed: whole numbers"):
            load_claim("noise", "small", seeds="many")

    def test_data_that_cannot_be_had_are_left_out_where_that_is_allowed(self, monkeypatch):
        def load(cell):
            if (name := cell.data.name) in ("kmnist", "CIFAR_10"):
                raise DataUnavailable(f"{name} is not in the data home; set SCIKIT_LEARN_DATA")

        monkeypatch.setattr(judgement, "clean_data", load)
        claim, missing = judgement.available(load_claim("corruption", "small"))
        assert list(claim.experiments) == ["inputs", "labels", "centred", "fashion", "digits"]
        assert missing == ["kuzushiji: kmnist is not in the data home", "cifar10: CIFAR_10 is not in the data home"]

    def test_a_chosen_data_set_applies_to_every_experiment_of_a_claim(self):
        claim = load_claim("labels", "small", "fashion")
        assert {experiment.data.name for experiment in claim.experiments.values()} == {"fashion"}

    @pytest.mark.parametrize(("name", "scale"), [("truth", "small"), ("labels", "medium")])
    def test_the_error_for_an_unknown_claim_or_scale_lists_what_is_allowed(self, name, scale):
        with pytest.raises(ConfigurationError, match=r"given; allowed: .*(parameters|small)"):
            load_claim(name, scale)


@pytest.mark.parametrize("name", CLAIMS)
def test_every_measure_returns_the_quantities_that_its_file_judges(name, monkeypatch):
    monkeypatch.setattr(critical, "CRITICAL_ROWS", 10)
    monkeypatch.setattr(critical, "RADIUS_ROWS", 5)
    claim = load_claim(name, "small", "digits")
    runs = {role: trained(shrunk(experiment)) for role, experiment in claim.experiments.items()}
    findings = measure_of(name)(**runs)
    assert set(claim.quantities) <= set(findings.quantities)
    assert findings.figures
    for figure in findings.figures.values():
        figure.canvas.draw()
    verdict = judge(claim, findings, "digits")
    assert json.loads(json.dumps(verdict)) == verdict
    assert "digits, not MNIST" in verdicts.markdown(verdict)


class TestVerdicts:
    def verdict(self, setup: str = "", **holds: bool | str | None) -> dict:
        """Judge quantities of mean 1: with bounds that hold, fail, or lie within the interval, or without bounds.

        Those whose names begin with `setup` belong to that set-up.
        """
        bounds = {True: {"at_least": 0}, False: {"at_least": 2}, "undecided": {"at_least": 1}, None: {}}
        quantities = {
            name: Quantity(words=name, says="so", setup=setup if name.startswith(setup or " ") else "", **bounds[hold])
            for name, hold in holds.items()
        }
        claim = load_claim("gradient", "small").model_copy(update={"quantities": quantities})
        return judge(claim, Findings({name: np.array([0.9, 1.1] * 3) for name in holds}, {}), "mnist")

    @pytest.mark.parametrize(
        ("holds", "verdict"),
        [
            ({"a": True, "b": True, "c": None}, "reproduced"),
            ({"a": True, "b": False}, "in part"),
            ({"a": False, "b": False, "c": None}, "not"),
            ({"a": True, "b": "undecided"}, "undecided"),
            ({"a": False, "b": "undecided"}, "undecided"),
            ({"a": True, "b": False, "c": "undecided"}, "in part"),
        ],
    )
    def test_the_verdict_depends_on_whether_all_some_or_no_judged_quantities_hold(self, holds, verdict):
        assert self.verdict(**holds)["verdict"] == verdict

    def test_another_set_up_is_judged_apart(self):
        verdict = self.verdict("earlier", a=True, earlier_b=False, earlier_c=True)
        assert verdict["verdict"] == "reproduced"
        assert verdict["setups"] == {"earlier": "in part"}
        assert "reproduced; with earlier: in part" in verdicts.markdown(verdict)
        assert "| with earlier: earlier_b | so | 1 | 0.88504 … 1.115 | ≥ 2 | no |" in verdicts.markdown(verdict)

    def test_few_seeds_are_shown_as_points(self):
        claim = load_claim("gradient", "small").model_copy(
            update={"quantities": {"a": Quantity(words="a", says="so", at_least=0.2, percent=True)}}
        )
        found = judge(claim, Findings({"a": np.array([0.5, 0.1, 0.3])}, {}), "mnist")
        assert found["verdict"] == "undecided"
        assert "| a | so | 30 % | 10, 30, 50 | ≥ 20 % | undecided |" in verdicts.markdown(found)

    def test_a_verdict_of_an_older_version_is_read(self, tmp_path):
        verdict = self.verdict(a=True)
        del verdict["setups"], verdict["judged"], verdict["quantities"][0]["setup"], verdict["quantities"][0]["points"]
        (tmp_path / "claim.json").write_text(json.dumps(verdict), encoding="utf-8")
        assert "(small, on mnist): reproduced" in verdicts.markdown(verdicts.read(tmp_path / "claim.json"))

    def test_an_undefined_quantity_does_not_hold(self):
        claim = load_claim("gradient", "small").model_copy(
            update={"quantities": {"a": Quantity(words="a", at_least=0)}}
        )
        found = judge(claim, Findings({"a": np.array([np.nan, np.nan])}, {}), "mnist")
        assert found["verdict"] == "not"
        assert "not defined" in verdicts.markdown(found)

    @pytest.mark.parametrize(
        ("low", "high", "percent", "text"),
        [
            (0.945, None, True, "≥ 94.5 %"),
            (None, 2, False, "≤ 2"),
            (0.08, 0.12, True, "8 … 12 %"),
            (13002, 13002, False, "13,002"),
            (120784, 120784, False, "120,784"),
            (-3, -3, False, "−3"),
            (0, None, True, "≥ 0 %"),
            (None, None, False, "–"),
        ],
    )
    def test_bounds_are_written_as_people_write_them(self, low, high, percent, text):
        assert verdicts.allowed({"at_least": low, "at_most": high, "percent": percent}) == text


def test_a_claim_took_as_long_as_some_cell_trained_without_the_pauses():
    # Two cells at once from 0 to 10 and 12 s, one from 10 to 15, and after a pause of 85 s another of 7.
    started = pd.to_datetime([100, 0, 0, 10], unit="s", utc=True)
    assert seconds_trained(pd.DataFrame({"started": started, "seconds": [7.0, 10.0, 12.0, 5.0]})) == 22


class TestStored:
    @pytest.mark.parametrize("content", ["{", "[]", '{"claim": "noise"}', "\x00"])
    def test_a_verdict_that_is_damaged_or_gone_is_named_with_the_command_that_writes_it_again(self, store, content):
        sweep = store.client.create_run(
            store.experiment("claim-noise-small"), tags={"verdict": "not", "judged": "2026"}
        )
        store.client.log_text(sweep.info.run_id, content, VERDICT_FILE)
        wayout = "`mlp reproduce noise --scale small` writes it again$"
        with pytest.raises(ConfigurationError, match=rf"{sweep.info.run_id}, is damaged; {wayout}"):
            stored_verdicts(store.client)
        Path(sweep.info.artifact_uri, VERDICT_FILE).unlink()
        with pytest.raises(ConfigurationError, match=rf"{sweep.info.run_id}, is gone; {wayout}"):
            stored_verdicts(store.client)
