"""`mlp run` as a user types it: from data to runs that can be compared across seeds."""

import json

import pytest

pytestmark = pytest.mark.system

EPOCHS = 4
SMALL = ("run", "demo", "--data", "digits", "--epochs", str(EPOCHS))
CURVES = ("train/cost", "train/accuracy", "train/accuracy_clean", "test/cost", "test/accuracy")


@pytest.fixture(scope="module")
def first_run(shared_workplace):
    """The result of the first run in an empty folder."""
    result = shared_workplace.mlp(*SMALL)
    assert result.returncode == 0, result.stderr
    return result


def runs_of(client, name: str, kind: str) -> list:
    (experiment,) = [e for e in client.search_experiments() if e.name == name]
    return client.search_runs([experiment.experiment_id], f"tags.kind = '{kind}'", max_results=1000)


@pytest.fixture(scope="module")
def cells(first_run, shared_workplace):
    """The MLflow runs of its cells."""
    return runs_of(shared_workplace.client(), "demo", "cell")


def test_a_run_names_its_data_compares_its_seeds_and_says_what_to_type_next(first_run):
    assert "digits: 1,438 images to train on, 359 to test on" in first_run.stdout
    assert "±" in first_run.stdout
    assert "mlp ui" in first_run.stdout
    assert "mlp compare demo" in first_run.stdout


def test_a_run_prints_neither_warnings_nor_errors(first_run):
    assert "Traceback" not in first_run.stdout + first_run.stderr
    # On a slow machine, a line says what the command is waiting for.
    assert [line for line in first_run.stderr.splitlines() if not line.startswith("Waiting for Prefect")] == []


def test_every_cell_is_a_finished_run_under_the_same_parent_run(cells, shared_workplace):
    (sweep,) = runs_of(shared_workplace.client(), "demo", "sweep")
    assert sweep.info.status == "FINISHED"
    assert len(cells) == 9
    assert {run.info.status for run in cells} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in cells} == {sweep.info.run_id}
    assert {(run.data.params["seed"], run.data.params["fraction"]) for run in cells} == {
        (seed, fraction) for seed in "012" for fraction in ("0", "0.5", "1")
    }


def test_every_curve_has_a_point_for_the_untrained_network_and_one_for_each_epoch(cells, shared_workplace):
    client = shared_workplace.client()
    for run in cells:
        for name in CURVES:
            steps = [point.step for point in client.get_metric_history(run.info.run_id, name)]
            if name == "train/accuracy_clean" and not steps:
                assert run.data.params["fraction"] == "1"
            else:
                assert sorted(steps) == list(range(EPOCHS + 1))


def test_only_cells_with_wrong_labels_measure_how_many_were_memorized_or_resisted(cells):
    for run in cells:
        has_wrong_labels = run.data.params["fraction"] != "0"
        assert ("train/accuracy_memorized" in run.data.metrics) == has_wrong_labels
        assert ("train/accuracy_resisted" in run.data.metrics) == has_wrong_labels


def test_every_cell_measures_its_confidence_on_noise(cells):
    for run in cells:
        for kind in ("uniform", "gaussian"):
            assert 0 < run.data.metrics[f"noise/{kind}/confidence"] < 1
            assert 0 <= run.data.metrics[f"noise/{kind}/auroc"] <= 1


def test_every_cell_records_its_data_set_and_keeps_its_weights(cells, shared_workplace):
    client = shared_workplace.client()
    for run in cells:
        assert run.data.tags["data"] == "digits"
        assert [dataset.dataset.name for dataset in run.inputs.dataset_inputs] == ["digits"]
        assert "weights.npz" in [file.path for file in client.list_artifacts(run.info.run_id)]


def test_networks_trained_on_shuffled_labels_fail_on_test_images(first_run, shared_workplace):
    groups = json.loads(shared_workplace.mlp("compare", "demo", "--json").stdout)
    assert [(group["fraction"], group["seeds"]) for group in groups] == [(0, 3), (0.5, 3), (1, 3)]
    true, _, shuffled = (group["test/accuracy"]["mean"] for group in groups)
    assert true > 0.7
    assert shuffled < 0.3


def test_repeating_a_command_trains_nothing_and_says_so(first_run, shared_workplace):
    again = shared_workplace.mlp(*SMALL)
    assert again.returncode == 0
    assert "9 cells were done before; nothing to train" in again.stdout
    assert len(runs_of(shared_workplace.client(), "demo", "cell")) == 9
    assert len(runs_of(shared_workplace.client(), "demo", "sweep")) == 1


def test_with_force_a_command_trains_again_and_measures_the_same(cells, shared_workplace):
    assert shared_workplace.mlp(*SMALL, "--force").returncode == 0
    now = runs_of(shared_workplace.client(), "demo", "cell")
    assert len(now) == 18
    before = {run.data.tags["cell"]: run.data.metrics for run in cells}
    for run in now:
        assert run.data.metrics == before[run.data.tags["cell"]]


def test_the_best_cell_becomes_a_model_that_classifies_images(first_run, shared_workplace):
    import mlflow
    import numpy as np

    # Not through the environment: other tests in this process have given MLflow stores of their own.
    mlflow.set_tracking_uri(f"sqlite:///{shared_workplace.folder}/mlruns/mlflow.db")
    model = mlflow.pyfunc.load_model("models:/demo@champion")
    answers = model.predict(np.zeros((2, 784), np.float32))
    assert list(answers.columns[:2]) == ["digit", "confidence"]
    assert answers["digit"].between(0, 9).all()
    assert answers["confidence"].between(0, 1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "dmeo"), "preset: 'dmeo' given; allowed:"),
        (("run", "demo", "--shuffle", "0,1.5"), "corruption.fractions.1: '1.5' given; allowed: less than or equal"),
        (("run", "demo", "--seeds", "a-b"), "seeds: 'a-b' given; allowed: whole numbers and ranges like 0-9"),
        (("run", "demo", "--epochs", "0"), "descent.epochs: '0' given; allowed: greater than or equal to 1"),
        (("run", "demo", "--set", "descent.rate=1"), "descent.rate: unknown field; allowed: learning_rate"),
        (("run", "demo", "--set", "nonsense"), "--set: 'nonsense' given; allowed:"),
        (("run", "demo", "--data", "digits", "--tracking-uri", "http://127.0.0.1:9"), "no MLflow server answers"),
        (("run", "demo", "--data", "digits", "--tracking-uri", "ftp://nowhere"), "tracking URI: another kind"),
        (("run", "demo", "--data", "digits", "--tracking-uri", "sqlite:////proc/none/x.db"), "store: /proc/none/x.db"),
        (("run", "shuffle"), "OpenML can't be reached"),
        (("compare", "nothing"), "experiment: 'nothing' given; allowed:"),
        (("compare", "--by", "colour"), "experiment: no sweep has run yet"),
    ],
)  # fmt: skip
def test_bad_input_gives_one_line_and_leaves_nothing_behind(workplace, tmp_path, arguments, message):
    workplace.variables["SCIKIT_LEARN_DATA"] = str(tmp_path / "no_data_here")
    result = workplace.mlp(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stdout + result.stderr
    if (tmp_path / "mlruns" / "mlflow.db").exists():
        assert [e.name for e in workplace.client().search_experiments()] == ["Default"]


def test_a_file_with_an_unknown_key_is_refused(workplace):
    (workplace.folder / "mine.yaml").write_text("name: mine\ncolour: red\n", encoding="utf-8")
    result = workplace.mlp("run", "mine.yaml")
    assert result.returncode == 2
    assert "colour: unknown field; allowed: name, description, data" in result.stderr


def test_a_dry_run_says_what_would_be_trained_and_writes_nothing(workplace):
    result = workplace.mlp("run", "shuffle", "--seeds", "0-2", "--dry-run")
    assert result.returncode == 0
    assert "# 15 cells" in result.stdout
    assert "shuffle=1.00\n# 0 of them are done\n# 1 stack on " in result.stdout
    assert "15 cells (seeds 0-2, fractions 0, 0.25, 0.5, 0.75, 1)" in result.stdout.splitlines()[-1]
    assert not (workplace.folder / "mlruns").exists()


def test_presets_can_be_listed_and_shown(workplace):
    assert "shuffle  50 cells" in workplace.mlp("presets").stdout
    assert "learning_rate: 1.5" in workplace.mlp("show", "demo").stdout
