"""The champion's files may be gone or damaged: that is told in a line, and registering again helps."""

import shutil
from pathlib import Path

import pytest

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.report.registry import load_champion, register
from flows.store.experiments import CHAMPION
from flows.store.results import load_runs

DIGITS = Experiment(name="digits", seeds="0-1", data={"name": "digits"}, corruption={"fractions": [0]})


@pytest.fixture
def registered(store):
    """A store with a champion, and a way to register the best cell again, as `mlp run` does."""
    sweep_id, cells = store.sweep(DIGITS, lambda cell: {"test/accuracy": 0.8 + 0.1 * cell.seed}, weights=True)
    best = load_runs(sweep_id, tracking_server=store.uri).iloc[1]
    store.again = lambda: register(store.client, sweep_id, "digits", best, cells[best["cell"]])
    store.model = Path(store.again().source)
    return store


def damage(path: Path) -> None:
    path.write_bytes(b"\x00\xff damaged")


def test_a_champion_whose_files_are_gone_is_named_with_the_command_that_makes_it_again(registered):
    shutil.rmtree(registered.model)
    with pytest.raises(
        ConfigurationError, match=rf"^{registered.model}, of seed=1 .* is gone; `mlp run .*makes it again$"
    ):
        load_champion(registered.client, "digits")
    assert registered.again().version == 2
    assert load_champion(registered.client, "digits")[0].version == 2


@pytest.mark.filterwarnings("ignore")  # MLflow's words about the requirements
@pytest.mark.parametrize("name", ["MLmodel", "model.py", "artifacts/weights.npz"])
def test_a_damaged_champion_is_named_and_made_again_once_it_is_deleted(registered, name):
    damage(registered.model / name)
    with pytest.raises(
        ConfigurationError, match=r"is damaged \(.*\); delete it, and `mlp run .*` makes it again$"
    ) as error:
        load_champion(registered.client, "digits")
    assert "\n" not in str(error.value)
    shutil.rmtree(registered.model)
    registered.again()
    assert load_champion(registered.client, "digits")[0].version == 2


def test_a_better_version_whose_files_are_gone_is_no_champion(registered):
    better = registered.client.create_model_version(
        "digits", str(registered.folder / "gone"), tags={"test/accuracy": "1"}
    )
    registered.client.set_registered_model_alias("digits", CHAMPION, better.version)
    registered.again()
    assert load_champion(registered.client, "digits")[0].version == 1


def test_a_deleted_model_is_registered_again(registered):
    registered.client.delete_registered_model("digits")
    with pytest.raises(ConfigurationError, match=r"no champion; allowed: none so far; `mlp run` registers one"):
        load_champion(registered.client, "digits")
    registered.again()
    assert load_champion(registered.client, "digits")[0].version == 1


def test_damaged_weights_are_not_registered(store):
    sweep_id, cells = store.sweep(DIGITS, lambda cell: {"test/accuracy": 0.9}, weights=True)
    best = load_runs(sweep_id, tracking_server=store.uri).iloc[0]
    damage(Path(store.client.get_run(best["run_id"]).info.artifact_uri, "weights.npz"))
    with pytest.raises(ConfigurationError, match=r"weights\.npz, of .* is damaged"):
        register(store.client, sweep_id, "digits", best, cells[best["cell"]])
    assert not store.client.search_model_versions("name = 'digits'")
