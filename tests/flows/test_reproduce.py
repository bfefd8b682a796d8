"""Claims: their files, their measures on small networks, the verdicts, and one claim from the command to the store."""

import inspect
import json
from functools import partial

import numpy as np
import pytest

from flows import verdicts
from flows.claim import CLAIM_FILES, CLAIM_NAMES, SCALES, Quantity, load_claim, merged
from flows.errors import ConfigurationError
from flows.experiment import Experiment
from flows.reproduce import judge, run_of
from flows.training import load_data, train
from mlp.claims import CLAIMS, Findings, Run, arpit


def shrunk(experiment: Experiment) -> Experiment:
    """The same grid on a few digits, for seconds."""
    settings = experiment.model_dump()
    settings["data"]["rows"] = [min(rows or 200, 60 * (i + 1)) for i, rows in enumerate(settings["data"]["rows"])]
    settings["data"]["test_rows"] = 60
    settings["descent"]["epochs"] = min(settings["descent"]["epochs"], 3)
    settings["seeds"] = [0, 1, 2]
    settings["noise"]["count"] = 20
    return Experiment.model_validate(settings)


def trained(experiment: Experiment) -> list[Run]:
    """Its cells, trained without a store."""
    runs, stacks = [], {}
    for cell in experiment.cells():
        stacks.setdefault(cell.shape, []).append(cell)
    for cells in stacks.values():
        data = load_data(cells[0])
        history = train(cells, data, lambda epoch, metrics: None)
        for column, cell in enumerate(cells):
            curves = {name: values[:, column] for name, values in history.metrics.items()}
            runs.append(run_of(cell, data, curves, partial(list, history.parameters[column])))
    return runs


class TestFiles:
    @pytest.mark.parametrize("scale", SCALES)
    @pytest.mark.parametrize("name", CLAIM_NAMES)
    def test_every_claim_is_valid_at_both_scales(self, name, scale):
        claim = load_claim(name, scale)
        assert {experiment.name for experiment in claim.experiments.values()} == {f"claim-{name}-{scale}"}
        assert {experiment.data.name for experiment in claim.experiments.values()} == {"auto"}

    @pytest.mark.parametrize("name", CLAIM_NAMES)
    def test_every_claim_judges_something_and_says_what_its_source_says(self, name):
        judged = [q for q in load_claim(name, "full").quantities.values() if (q.at_least, q.at_most) != (None, None)]
        assert judged
        assert all(quantity.says for quantity in judged)

    def test_no_file_is_without_a_measure_and_no_measure_without_a_file(self):
        files = {entry.name.removesuffix(".yaml") for entry in CLAIM_FILES.iterdir()}
        assert files == set(CLAIMS) == set(CLAIM_NAMES)

    @pytest.mark.parametrize("name", CLAIM_NAMES)
    def test_the_experiments_are_the_arguments_of_the_measure(self, name):
        assert list(load_claim(name, "small").experiments) == list(inspect.signature(CLAIMS[name]).parameters)

    def test_the_scale_changes_what_it_names_and_nothing_else(self):
        assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [4]}) == {"a": {"b": 3, "c": 2}, "d": [4]}

    def test_another_data_set_is_taken_for_all_experiments(self):
        claim = load_claim("labels", "small", "fashion")
        assert {experiment.data.name for experiment in claim.experiments.values()} == {"fashion"}

    @pytest.mark.parametrize(("name", "scale"), [("truth", "small"), ("labels", "medium")])
    def test_an_unknown_name_is_told_what_is_allowed(self, name, scale):
        with pytest.raises(ConfigurationError, match=r"given; allowed: .*(parameters|small)"):
            load_claim(name, scale)


@pytest.mark.parametrize("name", CLAIM_NAMES)
def test_every_measure_finds_what_its_file_judges(name, monkeypatch):
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
        """A claim judged with quantities of 1 that may be at least 0 (True), at least 2 (False), or anything (None)."""
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
    def test_all_some_or_none_of_the_judged_quantities_must_hold(self, holds, verdict):
        assert self.verdict(**holds)["verdict"] == verdict

    def test_a_quantity_that_is_not_defined_does_not_hold(self):
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
    def test_what_is_allowed_is_written_as_people_write_it(self, low, high, percent, text):
        assert verdicts.allowed({"at_least": low, "at_most": high, "percent": percent}) == text

    def test_a_page_names_every_claim_and_says_what_was_not_run(self):
        verdict = self.verdict(a=True)
        page = verdicts.page({"gradient": "Slopes.", "noise": "Noise."}, {("gradient", "small"): verdict})
        assert "| `gradient` | Slopes. | reproduced | not run |" in page
        assert "| `noise` | Noise. | not run | not run |" in page
        assert "### gradient (small, on mnist): reproduced" in page
