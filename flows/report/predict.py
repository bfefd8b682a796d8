"""The answers of an experiment's champion to pictures, test images and noise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from flows.errors import ConfigurationError
from flows.report.registry import load_champion
from mlp.data.image_shape import image_shape
from mlp.data.pictures import read_digit
from mlp.data.preprocessing import PREPROCESSES
from mlp.data.sets import Dataset, DataUnavailable, class_name, load

BAR = 30  # characters of an activation of 1


def print_answers(
    client: MlflowClient,
    name: str,
    paths: Sequence[Path],
    noise: int,
    tests: Sequence[int],
    console: Console,
    show: Path | None = None,
) -> list[str]:
    """Print the champion's answers.

    Parameters
    ----------
    name : str
        Name of the experiment, and so of the registered model.
    paths : sequence of Path
        Pictures, see `mlp.data.pictures.read_digit`.
    noise : int
        Number of images whose every pixel is drawn uniformly.
    tests : sequence of int
        Numbers of test images of the data set that the champion was trained on.
    show : Path, optional
        File for a PNG of the images as the network sees them.

    Returns
    -------
    list of str
        For each picture that was refused, a line with the reason.

    Raises
    ------
    ConfigurationError
        If there is no usable champion, nothing to ask it, no such test image, or `show` is one of the pictures.
    """
    if show and any(show.resolve() == path.resolve() for path in paths):
        raise ConfigurationError(f"--show: {show} given, which is one of the pictures; allowed: another file")
    champion, model = load_champion(client, name)
    params = trained_on(client, champion)
    pixels = model.metadata.get_input_schema().inputs[0].shape[1]
    images, titles, refused = collect(params, pixels, paths, noise, tests)
    if not images:
        return refused
    tags = champion.tags
    right = f"{float(tags['test/accuracy']):.2%} of the test images" if "test/accuracy" in tags else ""
    console.print(f"{name}, version {champion.version}: {tags.get('cell', '')} {right}", highlight=False)
    stacked = np.stack(images).astype(np.float32)
    answers: Any = model.predict(stacked)  # a data frame, see flows.report.model
    classes = [class_name(params.get("data", ""), digit) for digit in range(answers.shape[1] - 2)]
    for title, (_, answer) in zip(titles, answers.iterrows(), strict=True):
        console.print(answer_text(title, answer, classes))
    if show:
        from mlp.figures import image_gallery

        pairs = answers[["digit", "confidence"]].to_numpy()
        given = [f"{classes[int(digit)]} ({confidence:.2f})" for digit, confidence in pairs]
        seen = PREPROCESSES[model.model_config.get("preprocess", "none")](stacked)
        image_gallery(seen, given).savefig(show, format="png")
    return refused


def trained_on(client: MlflowClient, champion: ModelVersion) -> dict[str, str]:
    """The params of the run that trained the champion, among them its data set; empty if the run is gone."""
    try:
        return client.get_run(champion.run_id or "").data.params
    except MlflowException:
        return {}


def collect(
    params: Mapping[str, str], pixels: int, paths: Sequence[Path], noise: int, tests: Sequence[int]
) -> tuple[list[NDArray[np.float32]], list[str], list[str]]:
    """All images to ask about, (pixels,) in [0, 1] each, their titles, and why pictures are not among them."""
    if not (paths or noise or tests):
        raise ConfigurationError("image: none given; allowed: files, --noise N or --test I")
    images, titles, refused = [], [], []
    channels, side, _ = image_shape(pixels)
    if paths and channels > 1:
        raise ConfigurationError("image: files given for a network of colour images; allowed: --test I or --noise N")
    for path in paths:
        try:
            images.append(read_digit(path, side))
            titles.append(str(path))
        except ValueError as error:
            refused.append(str(error))
    images += list(np.random.default_rng().random((noise, pixels), dtype=np.float32))
    titles += [f"noise {number}" for number in range(1, noise + 1)]
    if tests:
        data = data_of(params)
        for number in tests:
            if not 0 <= number < len(data.test_labels):
                raise ConfigurationError(f"--test: {number} given; allowed: 0 to {len(data.test_labels) - 1}")
            images.append(data.test_images[number] / np.float32(255))
            titles.append(f"test image {number}, a {class_name(data.name, data.test_labels[number])}")
    return images, titles, refused


def data_of(params: Mapping[str, str]) -> Dataset:
    """The data set that a cell was trained on, with all its test images, which the model itself preprocesses."""
    try:
        return load(params["data"], split=params["split"], side=int(params["side"]))
    except KeyError:
        raise ConfigurationError(
            "--test: given for a champion whose run is gone; allowed: pictures or --noise"
        ) from None
    except DataUnavailable as error:
        raise ConfigurationError(f"data: {error}") from None


def answer_text(title: str, answer: pd.Series, classes: Sequence[str]) -> Text:
    """A digit, or what its class is called, and how sure the network is of it, with a bar for each output."""
    digit, confidence, *activations = answer
    text = Text.assemble(f"\n{title}: ", (classes[int(digit)], "bold"), f"  (activation {confidence:.3f})\n")
    for index, (name, activation) in enumerate(zip(classes, activations, strict=True)):
        line = f"  {name:{max(map(len, classes))}} {activation:5.3f} {'█' * round(BAR * activation)}\n"
        text.append(line, style="bold" if index == digit else "dim")
    return text
