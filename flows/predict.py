"""What the champion of an experiment answers: to pictures, to test images, to noise."""

from collections.abc import Sequence
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from rich.console import Console
from rich.text import Text

from flows.errors import ConfigurationError
from flows.registry import CHAMPION
from mlp.data import Dataset, DataUnavailable, load
from mlp.images import read_digit

BAR = 30  # characters of an activation of 1


def predict(
    client: MlflowClient, name: str, paths: Sequence[Path], noise: int, tests: Sequence[int], console: Console
) -> None:
    """Print the champion's answers.

    Parameters
    ----------
    name : str
        Of the experiment, and so of the registered model.
    paths : sequence of Path
        Pictures, see `mlp.images.read_digit`.
    noise : int
        Number of images whose every pixel is drawn uniformly.
    tests : sequence of int
        Numbers of test images of the data set that the champion was trained on.
    """
    champion = find_champion(client, name)
    mlflow.set_tracking_uri(client.tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{name}@{CHAMPION}")
    pixels = model.metadata.get_input_schema().inputs[0].shape[1]
    images, titles = collect(client, champion, pixels, paths, noise, tests)
    numbers = (
        f"{float(champion.tags['test/accuracy']):.2%} of the test images" if "test/accuracy" in champion.tags else ""
    )
    console.print(f"{name}, version {champion.version}: {champion.tags.get('cell', '')} {numbers}", highlight=False)
    for title, (_, answer) in zip(titles, model.predict(images).iterrows(), strict=True):
        console.print(show(title, answer))


def find_champion(client: MlflowClient, name: str) -> ModelVersion:
    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException:
        known = [model.name for model in client.search_registered_models() if CHAMPION in model.aliases]
        allowed = ", ".join(sorted(known)) or "none yet; train one with `mlp run`"
        raise ConfigurationError(f"--experiment: {name!r} given, which has no champion; allowed: {allowed}") from None


def collect(
    client: MlflowClient, champion: ModelVersion, pixels: int, paths: Sequence[Path], noise: int, tests: Sequence[int]
) -> tuple[np.ndarray, list[str]]:
    """All images that are asked about, (n, pixels) in [0, 1], and what they are."""
    try:
        images = [read_digit(path, int(pixels**0.5)) for path in paths]
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    titles = [str(path) for path in paths]
    images += list(np.random.default_rng().random((noise, pixels), dtype=np.float32))
    titles += [f"noise {number}" for number in range(1, noise + 1)]
    if tests:
        data = data_of(client, champion)
        for number in tests:
            if not 0 <= number < len(data.test_labels):
                raise ConfigurationError(f"--test: {number} given; allowed: 0 to {len(data.test_labels) - 1}")
            images.append(data.test_images[number] / np.float32(255))
            titles.append(f"test image {number}, a {data.test_labels[number]}")
    if not images:
        raise ConfigurationError("image: none given; allowed: files, --noise N or --test I")
    return np.stack(images).astype(np.float32), titles


def data_of(client: MlflowClient, champion: ModelVersion) -> Dataset:
    """The data set that the champion was trained on, with all its test images."""
    try:
        params = client.get_run(champion.run_id or "").data.params
        return load(params["data"], split=params["split"], side=int(params["side"]))
    except (MlflowException, KeyError):
        raise ConfigurationError(
            "--test: given for a champion whose run is gone; allowed: pictures or --noise"
        ) from None
    except DataUnavailable as error:
        raise ConfigurationError(f"data: {error}") from None


def show(title: str, answer: pd.Series) -> Text:
    """A digit and how sure the network is of it, with a bar for each output."""
    text = Text(f"\n{title}: ")
    text.append(f"{answer['digit']:.0f}", style="bold")
    text.append(f"  (activation {answer['confidence']:.3f})\n")
    for digit, activation in enumerate(answer.drop(["digit", "confidence"])):
        style = "bold" if digit == answer["digit"] else "dim"
        text.append(f"  {digit} {activation:5.3f} {'█' * round(BAR * activation)}\n", style=style)
    return text
