"""The pictures of the report, as data for its template: weights, images with answers, confusion matrices."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flows.report.compare import Comparison
from flows.report.image_answers import ImageAnswers
from mlp.data.image_shape import picture
from mlp.data.sets import class_name
from mlp.figures.interactive import hues
from mlp.measures.tiles import image_tile, weight_tile

FIRST_NEURONS = 16  # that are seen without a click
MAX_NEURONS = 64
MAX_MISREAD = 24


def draw(
    comparison: Comparison,
    shown: pd.DataFrame,
    weights: Mapping[str, dict[str, NDArray]],
    answers: ImageAnswers,
    links: Mapping[str, str],
) -> dict[str, Any]:
    """All pictures of the report, under the names that its template has for them.

    Parameters
    ----------
    shown : DataFrame
        The cells whose weights are shown, and which are asked about noise.
    weights : mapping
        By run id, the pictures of `flows.store.artifacts.first_layer`.
    links : mapping
        By run id, the address of a cell's page in MLflow.
    """
    return {
        "confusions": confusion_tables(comparison, answers),
        "misread": misread_digits(comparison, answers),
        "noise": noise_cards(comparison, shown, answers, links),
        "unasked": answers.notes,
        "weights": weight_rows(comparison, shown, weights, links),
        "first_neurons": FIRST_NEURONS,
        "most_neurons": MAX_NEURONS,
    }


def name_of(comparison: Comparison, label: int) -> str:
    """What a class is called, if all cells were trained on one data set; else its number."""
    sets = comparison.cells["data"].unique()
    return class_name(sets[0] if len(sets) == 1 else "", int(label))


def data_uri(png: bytes) -> str:
    """A PNG file as the address of an image."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def titled(comparison: Comparison, cell: pd.Series, links: Mapping[str, str]) -> dict[str, Any]:
    """The name and the colour of a cell's group, and its own name and address."""
    place = cell["group"]
    colour = hues(len(comparison.groups))[place]
    return {
        "group": comparison.title(place), "colour": colour, "name": cell["name"], "link": links.get(cell["run_id"], "")
    }  # fmt: skip


def weight_rows(
    comparison: Comparison, shown: pd.DataFrame, weights: Mapping[str, dict[str, NDArray]], links: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Pictures of the weights into the first layer of each shown cell; none for one whose weights are gone."""
    rows = []
    for _, cell in shown.iterrows():
        kinds, neurons = [], 0
        for kind, images in weights.get(cell["run_id"], {}).items():
            # A few weights are many times as large as the others, which would be pale beside them.
            limit = float(np.quantile(np.abs(images), 0.99))
            neurons = len(images)
            tiles = [data_uri(weight_tile(image, limit)) for image in images[:MAX_NEURONS]]
            kinds.append({"kind": kind, "limit": f"{limit:.2g}", "tiles": tiles})
        rows.append({**titled(comparison, cell, links), "kinds": kinds, "neurons": neurons})
    return rows


def noise_cards(
    comparison: Comparison, shown: pd.DataFrame, answers: ImageAnswers, links: Mapping[str, str]
) -> list[dict[str, Any]]:
    """For each kind of noise the images, and below them what each shown cell answers to them."""
    cards: list[dict[str, Any]] = []
    for kind, by_cell in answers.noise.items():
        for _, cell in shown[shown["run_id"].isin(by_cell)].iterrows():
            images, outputs = by_cell[cell["run_id"]]
            sources = [data_uri(image_tile(picture(image))) for image in images]
            # Cells with another kind of inputs are asked about other images.
            if not cards or (cards[-1]["kind"], cards[-1]["images"]) != (kind, sources):
                cards.append({"kind": kind, "images": sources, "rows": []})
            given = [f"{name_of(comparison, digits.argmax())} at {digits.max():.2f}" for digits in outputs]
            cards[-1]["rows"].append({**titled(comparison, cell, links), "answers": given})
    return cards


def misread_digits(comparison: Comparison, answers: ImageAnswers) -> dict[str, Any] | None:
    """The test images that all networks of the baseline misread; None if they were not asked."""
    if (misread := answers.misread) is None:
        return None
    images = [
        {
            "source": data_uri(image_tile(picture(image))),
            "number": int(number),
            "true": name_of(comparison, true),
            "answer": name_of(comparison, answer),
            "votes": f"{votes} of {misread.networks}",
        }
        for image, number, true, answer, votes in zip(
            misread.images[:MAX_MISREAD], misread.numbers, misread.true, misread.answers, misread.votes, strict=False
        )
    ]
    return {
        "group": comparison.title(misread.group),
        "networks": misread.networks,
        "count": len(misread.numbers),
        "tested": misread.tested,
        "images": images,
    }


def confusion_tables(comparison: Comparison, answers: ImageAnswers) -> list[dict[str, Any]]:
    """For each asked group a row for each true digit: the shares of the answers as text, tint and hover text."""
    colours = hues(len(comparison.groups))
    classes = max((len(matrix) for matrix in answers.confusions.values()), default=0)
    names = [name_of(comparison, label) for label in range(classes)]
    return [
        {
            "group": comparison.title(group),
            "colour": colours[group],
            "names": names[: len(matrix)],
            "rows": [
                [entry(names[true], names[read], share) for read, share in enumerate(row)]
                for true, row in enumerate(matrix)
            ],
        }
        for group, matrix in answers.confusions.items()
    ]


def entry(true: str, read: str, share: float) -> dict[str, Any]:
    """One entry of a confusion matrix; the tint is the root of the share, so that rare answers are seen."""
    if not np.isfinite(share):
        return {"text": "", "tint": 0, "title": f"no test image is a {true}", "right": true == read}
    text = f"{100 * share:.0f}" if share >= 0.005 else ""
    tint = round(65 * float(np.sqrt(share)))
    return {"text": text, "tint": tint, "title": f"{true} read as {read}: {share:.1%}", "right": true == read}
