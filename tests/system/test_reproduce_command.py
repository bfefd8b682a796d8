"""`mlp reproduce` as a user types it: from a claim's name to its verdict, kept in MLflow."""

import json

import pytest

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def reproduced(shared_workplace):
    """The gradient's claim on the embedded digits, in an empty folder."""
    result = shared_workplace.mlp("reproduce", "gradient", "--data", "digits")
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def sweep(reproduced, shared_workplace):
    """Its parent run."""
    client = shared_workplace.client()
    experiment = client.get_experiment_by_name("claim-gradient-small")
    (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'sweep'")
    return run


def test_the_table_says_what_was_measured_on_which_data_and_the_verdict(reproduced):
    assert "gradient (small, on digits, not MNIST): reproduced" in reproduced.stdout
    assert "nudge to x at (1, 1)" in reproduced.stdout
    assert "Traceback" not in reproduced.stdout + reproduced.stderr


def test_the_verdict_its_table_and_its_pictures_are_kept_with_the_sweep(sweep, shared_workplace):
    client = shared_workplace.client()
    assert sweep.data.tags["verdict"] == "reproduced"
    with open(client.download_artifacts(sweep.info.run_id, "claim.json"), encoding="utf-8") as file:
        verdict = json.load(file)
    (nudge,) = [row for row in verdict["quantities"] if row["name"] == "nudge_x"]
    assert (nudge["value"], nudge["holds"]) == (-3, True)
    with open(client.download_artifacts(sweep.info.run_id, "claim.md"), encoding="utf-8") as file:
        assert "| yes |" in file.read()
    pictures = {item.path for item in client.list_artifacts(sweep.info.run_id, "claim")}
    assert pictures == {"claim/components.png", "claim/importance.png"}


def test_the_same_claim_again_trains_nothing_and_comes_to_the_same(reproduced, sweep, shared_workplace):
    again = shared_workplace.mlp("reproduce", "gradient", "--data", "digits")
    assert "nothing to train" in again.stdout
    assert again.stdout[again.stdout.index("gradient (small") :] in reproduced.stdout


def test_without_a_claim_they_are_listed_and_all_verdicts_can_be_written_to_a_page(reproduced, shared_workplace):
    listed = shared_workplace.mlp("reproduce", "--write", ".")
    assert listed.returncode == 0, listed.stderr
    page = (shared_workplace.folder / "claims.md").read_text(encoding="utf-8")
    table = (shared_workplace.folder / "claims-table.md").read_text(encoding="utf-8")
    assert table.count("not run") == 2 * 14 - 1
    assert table in page
    assert "### gradient (small, on digits, not MNIST): reproduced" in page
    shown = shared_workplace.mlp("reproduce").stdout
    assert "reproduced (digits)" in shown
    assert all(name in shown for name in ("parameters", "valleys"))


@pytest.mark.parametrize(
    "wrong", [("truth",), ("gradient", "--scale", "medium"), ("gradient", "--data", "no such set")]
)
def test_what_is_wrong_is_told_in_a_line(wrong, workplace):
    result = workplace.mlp("reproduce", *wrong)
    assert result.returncode == 2
    assert "allowed:" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (workplace.folder / "mlruns" / "mlflow.db").exists()
