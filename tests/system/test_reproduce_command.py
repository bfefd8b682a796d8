"""`mlp reproduce` as a user types it: from a claim's name to its verdict, kept in MLflow."""

import json

import pytest

from flows.store.artifacts import artifact
from mlp.claims import CLAIMS

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def reproduced(shared_workplace):
    """The result of reproducing the gradient's claim on the embedded digits, in an empty folder."""
    result = shared_workplace.mlp("reproduce", "gradient", "--data", "digits")
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def sweep(reproduced, shared_workplace):
    """The MLflow run of its sweep."""
    client = shared_workplace.client()
    experiment = client.get_experiment_by_name("claim-gradient-small")
    (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'sweep'")
    return run


def test_the_table_shows_the_data_set_the_measurements_and_the_verdict(reproduced):
    assert "gradient (small, on digits, not MNIST): undecided" in reproduced.stdout
    assert "nudge to x at (1, 1)" in reproduced.stdout
    assert "Traceback" not in reproduced.stdout + reproduced.stderr


def test_the_verdict_its_table_and_its_pictures_are_kept_with_the_sweep(sweep, shared_workplace):
    client = shared_workplace.client()
    assert sweep.data.tags["verdict"] == "undecided"
    with artifact(client, sweep.info.run_id, "claim.json") as path:
        verdict = json.loads(path.read_text(encoding="utf-8"))
    (nudge,) = [row for row in verdict["quantities"] if row["name"] == "nudge_x"]
    assert (nudge["value"], nudge["holds"]) == (-3, True)
    with artifact(client, sweep.info.run_id, "claim.md") as path:
        assert "| yes |" in path.read_text(encoding="utf-8")
    pictures = {item.path for item in client.list_artifacts(sweep.info.run_id, "claim")}
    assert pictures == {"claim/components.png", "claim/importance.png"}


def test_reproducing_a_claim_again_trains_nothing_and_gives_the_same_verdict(reproduced, sweep, shared_workplace):
    again = shared_workplace.mlp("reproduce", "gradient", "--data", "digits")
    assert "nothing to train" in again.stdout
    assert again.stdout[again.stdout.index("gradient (small") :] in reproduced.stdout


def test_without_a_name_all_claims_are_listed_and_their_verdicts_can_be_written_to_a_page(reproduced, shared_workplace):
    listed = shared_workplace.mlp("reproduce", "--write", ".")
    assert listed.returncode == 0, listed.stderr
    page = (shared_workplace.folder / "claims" / "gradient.md").read_text(encoding="utf-8")
    table = (shared_workplace.folder / "claims" / "README.md").read_text(encoding="utf-8")
    assert table.count("not run") == 2 * len(CLAIMS) - 1
    assert "## gradient (small, on digits, not MNIST): undecided" in page
    assert {file.name for file in (shared_workplace.folder / "claims").iterdir()} >= {
        "README.md", "results.csv", "verdicts.csv", "gradient-importance.png"
    }  # fmt: skip
    shown = shared_workplace.mlp("reproduce").stdout
    assert "undecided (digits)" in shown
    assert all(name in shown for name in ("parameters", "valleys"))


@pytest.mark.parametrize(
    "arguments", [("truth",), ("gradient", "--scale", "medium"), ("gradient", "--data", "no such set")]
)
def test_bad_arguments_are_refused_and_leave_no_store_behind(arguments, workplace):
    result = workplace.mlp("reproduce", *arguments)
    assert result.returncode == 2
    assert "allowed:" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (workplace.folder / "mlruns" / "mlflow.db").exists()
