"""The champion: which cell it is, what is recorded with it, and what it predicts."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import mlflow
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.plan.preparation import load_data, network_of
from flows.platform.environment import prepare_environment
from flows.report.predict import print_answers
from flows.report.registry import load_champion, register
from flows.store.artifacts import load_weights
from flows.store.experiments import CHAMPION
from flows.store.results import load_runs
from mlp.data.pictures.square import as_mnist
from mlp.data.preprocessing import deskewed
from mlp.figures import image_gallery

DIGITS = Experiment(name="digits", seeds="0-1", data={"name": "digits"}, corruption={"fractions": [0]})
DESKEWED = DIGITS.model_copy(update={"data": DIGITS.data.model_copy(update={"preprocess": "deskew"})})


class Pickled(mlflow.pyfunc.PythonModel):
    """A model that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)

    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return model_input


def metrics(cell) -> dict[str, float]:
    return {"test/accuracy": 0.8 + 0.1 * cell.seed, "test/cost": 0.3}


def register_best(store, experiment=DIGITS, metrics=metrics):
    sweep_id, cells = store.sweep(experiment, metrics, weights=True)
    runs = load_runs(sweep_id, tracking_server=store.uri)
    best = runs.loc[runs["test/accuracy"].idxmax()]
    return register(store.client, sweep_id, experiment.name, best, cells[best["cell"]])


@pytest.fixture(scope="module")
def registry(new_store):
    store = new_store()
    store.version = register_best(store)
    return store


class TestChampion:
    @pytest.mark.parametrize("name", ["a%20b", "both 'kinds' of \"quotes\""])
    def test_it_is_made_where_the_name_of_the_folder_of_temporary_files_looks_like_an_address(
        self, store, tmp_path, monkeypatch, name
    ):
        (tmp_path / name).mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(tmp_path / name))
            made = register_best(store)
        assert load_champion(store.client, "digits")[0].version == made.version

    def test_it_is_the_cell_with_the_best_test_accuracy_and_records_its_metrics(self, registry):
        champion = registry.client.get_model_version_by_alias("digits", CHAMPION)
        assert champion.version == registry.version.version
        assert champion.tags["cell"] == "seed=1 shuffle=0.00"
        assert float(champion.tags["test/accuracy"]) == pytest.approx(0.9)
        assert float(champion.tags["test/cost"]) == pytest.approx(0.3)
        assert "90.00% of the test images of digits" in champion.description

    def test_only_a_better_cell_replaces_it(self, store):
        register_best(store)
        worse = DIGITS.model_copy(update={"seeds": (7,)})
        register_best(store, worse, lambda cell: {"test/accuracy": 0.5})
        assert store.client.get_model_version_by_alias("digits", CHAMPION).version == 1
        register_best(store, worse.model_copy(update={"seeds": (8,)}), lambda cell: {"test/accuracy": 0.95})
        assert store.client.get_model_version_by_alias("digits", CHAMPION).version == 3

    def test_versions_that_someone_else_registered_count_as_worse(self, store):
        store.client.create_registered_model("digits")
        store.client.create_model_version("digits", str(store.folder), tags={"test/accuracy": "splendid"})
        assert register_best(store).version == 2
        assert store.client.get_model_version_by_alias("digits", CHAMPION).version == 2

    def test_a_cell_is_registered_only_once(self, store):
        sweep_id, cells = store.sweep(DIGITS, metrics, weights=True)
        best = load_runs(tracking_server=store.uri).iloc[1]
        for _ in range(2):
            assert register(store.client, sweep_id, "digits", best, cells[best["cell"]]).version == 1


@pytest.fixture(scope="module")
def model(registry):
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(registry.uri)
    yield mlflow.pyfunc.load_model(f"models:/digits@{CHAMPION}")
    mlflow.set_tracking_uri(before)


class TestModel:
    def test_it_predicts_a_digit_a_confidence_and_all_activations(self, model):
        images = load_data(DIGITS.cells()[0]).test_images[:5] / np.float32(255)
        answers = model.predict(images)
        activations = answers.drop(columns=["digit", "confidence"]).to_numpy()
        assert activations.shape == (5, 10)
        np.testing.assert_array_equal(answers["digit"], activations.argmax(axis=1))
        np.testing.assert_array_equal(answers["confidence"], activations.max(axis=1))

    @pytest.mark.parametrize("value", [-0.1, 1.5, np.nan])
    def test_pixels_out_of_range_are_refused(self, model, value):
        images = np.full((1, 784), value, dtype=np.float32)
        with pytest.raises(mlflow.MlflowException, match="pixels: values outside 0 to 1 given"):
            model.predict(images)

    def test_images_of_another_shape_are_refused(self, model):
        with pytest.raises(mlflow.MlflowException, match=r"Shape of input \(1, 100\)"):
            model.predict(np.zeros((1, 100), dtype=np.float32))


@pytest.fixture(scope="module")
def straight(new_store):
    store = new_store()
    register_best(store, DESKEWED)
    return store


class TestDeskewing:
    """A network that learned from deskewed images gets them deskewed, whoever asks it."""

    def expected(self, store, images):
        (cell, _), best = DESKEWED.cells(), load_runs(tracking_server=store.uri).iloc[1]
        network = network_of(cell, load_data(cell))
        return network.answers(load_weights(store.client, best["run_id"]), deskewed(images))

    def test_the_registered_model_deskews_what_it_is_asked(self, straight):
        images = load_data(DIGITS.cells()[0]).test_images[:20] / np.float32(255)
        _, model = load_champion(straight.client, "digits")
        answers = model.predict(images).drop(columns=["digit", "confidence"])
        np.testing.assert_allclose(answers, self.expected(straight, images), atol=1e-6)

    def test_predict_shows_the_deskewed_image_that_was_answered(self, straight, tmp_path, monkeypatch):
        console, seen = Console(width=100, record=True), []
        monkeypatch.setattr(
            "mlp.figures.image_gallery", lambda images, titles: seen.append(images) or image_gallery(images, titles)
        )
        print_answers(straight.client, "digits", [], 0, [3], console, tmp_path / "seen.png")
        image = load_data(DIGITS.cells()[0]).test_images[3:4] / np.float32(255)
        (answer,) = self.expected(straight, image)
        assert f"{answer.argmax()}  (activation {answer.max():.3f})" in console.export_text()
        np.testing.assert_array_equal(seen[0], deskewed(image))


class TestPredict:
    def printed(self, store, paths=(), noise=0, tests=()) -> str:
        console = Console(width=100, record=True)
        print_answers(store.client, "digits", list(paths), noise, list(tests), console)
        return console.export_text()

    def test_a_picture_a_test_image_and_noise_are_each_answered_with_a_digit_and_ten_bars(self, registry, tmp_path):
        data = load_data(DIGITS.cells()[0])
        path = tmp_path / "digit.png"
        # As MNIST frames it: the images of this set are larger.
        framed = np.rint(255 * as_mnist(data.test_images[0].reshape(28, 28) / np.float32(255), 28)).astype(np.uint8)
        Image.fromarray(framed).save(path)
        text = self.printed(registry, [path], noise=2, tests=[0])
        assert f"test image 0, a {data.test_labels[0]}: " in text
        assert text.count("(activation ") == 4
        bars = [line for line in text.splitlines() if re.match(r"  \d [01]\.\d{3}", line)]
        assert len(bars) == 4 * 10
        _, model = load_champion(registry.client, "digits")
        pixels = framed.reshape(1, -1) / np.float32(255)
        activations = model.predict(pixels).iloc[0].to_numpy()[2:]
        assert [float(bar.split()[1]) for bar in bars[:10]] == pytest.approx(activations, abs=6e-4), "as it is"
        assert "█" in text

    def test_test_images_that_do_not_exist_are_refused_and_so_is_a_question_about_nothing(self, registry):
        for tests, message in (
            ([359], "--test: 359 given; allowed: 0 to 358"),
            ([], "image: none given; allowed: files, --noise N or --test I"),
        ):
            with pytest.raises(ConfigurationError, match=message):
                self.printed(registry, tests=tests)

    @pytest.mark.filterwarnings("ignore")  # MLflow warns about pickles
    def test_a_champion_that_is_a_pickled_model_is_not_loaded(self, store, tmp_path, monkeypatch):
        prepare_environment()
        model, executed = tmp_path / "model", tmp_path / "executed"
        with monkeypatch.context() as lenient:
            lenient.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
            mlflow.pyfunc.save_model(model, python_model=Pickled(executed), pip_requirements=[])
        executed.unlink(missing_ok=True)
        store.client.create_registered_model("digits")
        version = store.client.create_model_version("digits", str(model)).version
        store.client.set_registered_model_alias("digits", CHAMPION, version)
        with pytest.raises(ConfigurationError, match=r"can't be opened .*pickle"):
            self.printed(store, noise=1)
        assert not executed.exists()

    @pytest.mark.parametrize("name", ["unknown", "\udcff"])  # the second is a byte that is no text
    def test_the_error_for_an_experiment_without_a_champion_lists_those_that_have_one(self, registry, name):
        with pytest.raises(ConfigurationError) as refused:
            print_answers(registry.client, name, [], 1, [], Console())
        message = str(refused.value)
        assert message.startswith(f"--experiment: {name!r} given, which has no champion; allowed: digits;")


@pytest.fixture(scope="module")
def address(registry):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": registry.uri, "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/digits@{CHAMPION}"]
    with open(registry.folder / "serve.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*command, "--env-manager", "local", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urlopen(f"{address}/health", timeout=5).close()
            break
        except (URLError, OSError):
            assert server.poll() is None, (registry.folder / "serve.log").read_text()
            time.sleep(0.1)
    yield address
    server.terminate()
    server.wait(30)


@pytest.mark.system
class TestServing:
    def ask(self, address: str, body: str) -> tuple[int, dict]:
        request = Request(f"{address}/invocations", body.encode(), {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)

    def test_the_server_gives_the_same_answers_as_the_model(self, registry, address):
        images = load_data(DIGITS.cells()[0]).test_images[:3] / 255
        status, answer = self.ask(address, json.dumps({"inputs": images.tolist()}))
        mlflow.set_tracking_uri(registry.uri)
        ours = mlflow.pyfunc.load_model(f"models:/digits@{CHAMPION}").predict(images.astype(np.float32))
        assert status == 200
        assert [row["digit"] for row in answer["predictions"]] == list(ours["digit"])
        np.testing.assert_allclose([row["confidence"] for row in answer["predictions"]], ours["confidence"], atol=1e-6)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (json.dumps({"inputs": [[0.5] * 100]}), "Shape of input"),
            (json.dumps({"inputs": [[2.0] * 784]}), "pixels: values outside 0 to 1 given"),
            (json.dumps({"inputs": [["a"] * 784]}), ""),
            ('{"inputs": [[NaN]]}', ""),
            ("no json", ""),
        ],
    )
    def test_a_bad_request_gets_a_400_that_says_why(self, address, body, message):
        status, answer = self.ask(address, body)
        assert status == 400
        assert message in json.dumps(answer)
