"""The pictures of the report, as data for its template: weights, images with answers, confusion matrices."""

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flows.report.compare import Comparison
from flows.report.image_answers import ImageAnswers
from mlp.data.image_shape import pixel_grid
from mlp.data.sets import class_name
from mlp.figures.interactive import hues
from mlp.measures.tiles import image_tile, weight_tile

FIRST_NEURONS = 16  # that are seen without a click
MAX_NEURONS = 64
MAX_MISREAD = 24


def draw(
    comparison: Comparison,
    weights: Mapping[str, dict[str, NDArray[np.float32]]],
    answers: ImageAnswers,
    links: Mapping[str, str],
) -> dict[str, Any]:
    """All pictures of the report, under the names that its template has for them.

    Parameters
    ----------
    weights : mapping
        By run id of the cells whose weights are shown, the pictures of `flows.store.artifacts.first_layer`; empty for a
        cell whose weights are gone.
    links : mapping
        By run id, the address of a cell's page in MLflow.
    """
    heads = {cell["run_id"]: head(comparison, cell, links) for _, cell in comparison.cells.iterrows()}
    sets = comparison.cells["data"].unique()
    return {
        "class_name": partial(class_name, sets[0] if len(sets) == 1 else ""),
        "confusions": [
            {"group": comparison.title(group), "colour": hues(len(comparison.groups))[group], "shares": matrix.tolist()}
            for group, matrix in answers.confusions.items()
        ],
        "misread": answers.misread,
        "misread_group": comparison.title(answers.misread.group) if answers.misread else "",
        "misread_images": misread_images(answers),
        "noise": noise_cards(heads, answers),
        "unasked": answers.notes,
        "weights": [heads[run_id] | first_layer(images) for run_id, images in weights.items()],
        "first_neurons": FIRST_NEURONS,
        "most_neurons": MAX_NEURONS,
    }


def data_uri(png: bytes) -> str:
    """A PNG file as the address of an image."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def head(comparison: Comparison, cell: pd.Series, links: Mapping[str, str]) -> dict[str, str]:
    """The name and the colour of a cell's group, and its own name and address."""
    place = cell["group"]
    group, colour = comparison.title(place), hues(len(comparison.groups))[place]
    return {"group": group, "colour": colour, "name": cell["name"], "link": links.get(cell["run_id"], "")}


def first_layer(weights: Mapping[str, NDArray[np.float32]]) -> dict[str, Any]:
    """Pictures of the weights into the first layer; none if they are gone."""
    kinds = []
    for kind, images in weights.items():
        # A few weights are many times as large as the others, which would be pale beside them.
        limit = float(np.quantile(np.abs(images), 0.99))
        tiles = [data_uri(weight_tile(image, limit)) for image in images[:MAX_NEURONS]]
        kinds.append({"kind": kind, "limit": f"{limit:.2g}", "tiles": tiles})
    return {"kinds": kinds, "neurons": max(map(len, weights.values()), default=0)}


def noise_cards(heads: Mapping[str, dict[str, str]], answers: ImageAnswers) -> list[dict[str, Any]]:
    """For each kind of noise the images, and below them each shown cell's answers: digits and their activations."""
    cards: list[dict[str, Any]] = []
    for kind, by_cell in answers.noise.items():
        for run_id, (images, outputs) in by_cell.items():
            sources = [data_uri(image_tile(pixel_grid(image))) for image in images]
            # Cells with another kind of inputs are asked about other images.
            if not cards or (cards[-1]["kind"], cards[-1]["images"]) != (kind, sources):
                cards.append({"kind": kind, "images": sources, "rows": []})
            given = list(zip(outputs.argmax(axis=1).tolist(), outputs.max(axis=1).tolist(), strict=True))
            cards[-1]["rows"].append(heads[run_id] | {"answers": given})
    return cards


def misread_images(answers: ImageAnswers) -> list[tuple[str, int, int, int, int]]:
    """The first images that all networks of the baseline misread: source, number, true digit, answer and votes."""
    if (misread := answers.misread) is None:
        return []
    sources = [data_uri(image_tile(pixel_grid(image))) for image in misread.images[:MAX_MISREAD]]
    columns = (misread.numbers, misread.true, misread.answers, misread.votes)
    return list(zip(sources, *(column[:MAX_MISREAD].tolist() for column in columns), strict=True))
