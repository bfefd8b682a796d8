"""Claims: their files, their measures on small networks, and the verdicts."""

import inspect
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from flows.claims import verdicts
from flows.claims.claim import CLAIM_FILES, CLAIM_NAMES, SCALES, Quantity, load_claim, merged
from flows.claims.judgement import VERDICT_FILE, as_run, judge, stored_verdicts
from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.plan.preparation import load_data
from flows.sweep.training import train
from mlp.claims import CLAIMS, Findings, TrainedNetwork, arpit


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


def trained(experiment: Experiment) -> list[TrainedNetwork]:
    """Train the experiment's cells, without a store."""
    runs, stacks = [], {}
    for cell in experiment.cells():
        stacks.setdefault(cell.shape, []).append(cell)
    for cells in stacks.values():
        data = load_data(cells[0])
        history = train(cells, data, lambda epoch, metrics: None)
        for column, cell in enumerate(cells):
            curves = {name: values[:, column] for name, values in history.metrics.items()}
            runs.append(as_run(cell, data, curves, partial(list, history.parameters[column])))
    return runs


class TestClaimFiles:
    @pytest.mark.parametrize("scale", SCALES)
    @pytest.mark.parametrize("name", CLAIM_NAMES)
    def test_every_claim_is_valid_at_both_scales(self, name, scale):
        claim = load_claim(name, scale)
        assert {experiment.name for experiment in claim.experiments.values()} == {f"claim-{name}-{scale}"}
        assert {experiment.data.name for experiment in claim.experiments.values()} == {"auto"}

    @pytest.mark.parametrize("name", CLAIM_NAMES)
    def test_every_claim_judges_a_quantity_and_cites_its_source_for_each(self, name):
        judged = [q for q in load_claim(name, "full").quantities.values() if (q.at_least, q.at_most) != (None, None)]
        assert judged
        assert all(quantity.says for quantity in judged)

    def test_every_claim_file_has_a_measure_and_every_measure_a_file(self):
        files = {entry.name.removesuffix(".yaml") for entry in CLAIM_FILES.iterdir() if entry.name.endswith(".yaml")}
        assert files == set(CLAIMS) == set(CLAIM_NAMES)

    @pytest.mark.parametrize("name", CLAIM_NAMES)
    def test_the_experiments_of_a_claim_are_the_arguments_of_its_measure(self, name):
        assert list(load_claim(name, "small").experiments) == list(inspect.signature(CLAIMS[name]).parameters)

    def test_a_scale_changes_only_the_fields_it_names(self):
        assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [4]}) == {"a": {"b": 3, "c": 2}, "d": [4]}

    def test_a_chosen_data_set_applies_to_every_experiment_of_a_claim(self):
        claim = load_claim("labels", "small", "fashion")
        assert {experiment.data.name for experiment in claim.experiments.values()} == {"fashion"}

    @pytest.mark.parametrize(("name", "scale"), [("truth", "small"), ("labels", "medium")])
    def test_the_error_for_an_unknown_claim_or_scale_lists_what_is_allowed(self, name, scale):
        with pytest.raises(ConfigurationError, match=r"given; allowed: .*(parameters|small)"):
            load_claim(name, scale)


@pytest.mark.parametrize("name", CLAIM_NAMES)
def test_every_measure_returns_the_quantities_that_its_file_judges(name, monkeypatch):
    monkeypatch.setattr(arpit, "CRITICAL_ROWS", 10)
    claim = load_claim(name, "small", "digits")
    runs = {role: trained(shrunk(experiment)) for role, experiment in claim.experiments.items()}
    findings = CLAIMS[name](**runs)
    assert set(claim.quantities) <= set(findings.quantities)
    assert findings.figures
    for figure in findings.figures.values():
        figure.canvas.draw()
    verdict = judge(claim, findings, "digits")
    assert verdict["verdict"] in verdicts.COLOURS
    assert json.loads(json.dumps(verdict)) == verdict
    assert "digits, not MNIST" in verdicts.markdown(verdict)


class TestVerdicts:
    def verdict(self, **holds: bool | None) -> dict:
        """Judge a claim whose quantities are all 1, with bounds that hold (True), fail (False) or are absent (None)."""
        bounds = {True: {"at_least": 0}, False: {"at_least": 2}, None: {}}
        claim = load_claim("gradient", "small").model_copy(
            update={
                "quantities": {name: Quantity(words=name, says="so", **bounds[hold]) for name, hold in holds.items()}
            }
        )
        return judge(claim, Findings({name: np.array([1.0, 1.0]) for name in holds}, {}), "mnist")

    @pytest.mark.parametrize(
        ("holds", "verdict"),
        [
            ({"a": True, "b": True, "c": None}, "reproduced"),
            ({"a": True, "b": False}, "in part"),
            ({"a": False, "b": False, "c": None}, "not"),
        ],
    )
    def test_the_verdict_depends_on_whether_all_some_or_no_judged_quantities_hold(self, holds, verdict):
        assert self.verdict(**holds)["verdict"] == verdict

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
            (-3, -3, False, "−3"),
            (0, None, True, "≥ 0 %"),
            (None, None, False, "–"),
        ],
    )
    def test_bounds_are_written_as_people_write_them(self, low, high, percent, text):
        assert verdicts.allowed({"at_least": low, "at_most": high, "percent": percent}) == text

    def test_the_page_lists_every_claim_and_marks_those_that_were_not_run(self):
        verdict = self.verdict(a=True)
        page = verdicts.page({"gradient": "Slopes.", "noise": "Noise."}, {("gradient", "small"): verdict})
        assert "| `gradient` | Slopes. | reproduced | not run |" in page
        assert "| `noise` | Noise. | not run | not run |" in page
        assert "### gradient (small, on mnist): reproduced" in page


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
