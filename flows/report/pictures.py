"""The pictures of the report, as data for its template: weights, and images with answers."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient

from flows.errors import ConfigurationError
from flows.report.compare import Comparison
from flows.report.image_answers import ImageAnswers
from flows.store.artifacts import first_layer
from mlp.data.image_shape import pixel_grid
from mlp.figures.interactive import hues
from mlp.measures.tiles import image_tile, weight_tile

FIRST_NEURONS = 16  # that are seen without a click
MAX_NEURONS = 64
MAX_MISREAD = 24


def data_uri(png: bytes) -> str:
    """A PNG file as the address of an image."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def head(comparison: Comparison, cell: pd.Series, links: Mapping[str, str]) -> dict[str, str]:
    """The name and the colour of a cell's group, and its own name and address in MLflow's pages."""
    group = comparison.title(cell["group"])
    colour = hues(len(comparison.groups))[cell["group"]]
    return {"group": group, "colour": colour, "name": cell["name"], "link": links.get(cell["run_id"], "")}


def first_layer_of(client: MlflowClient, cell: pd.Series) -> dict[str, Any]:
    """Pictures of a cell's weights into the first layer; none if they are gone or damaged."""
    try:
        weights = first_layer(client, cell)
    except ConfigurationError:  # the page says so
        return {"kinds": [], "neurons": 0}
    kinds = []
    for kind, images in weights.items():
        # A few weights are many times as large as the others, which would be pale beside them.
        limit = float(np.quantile(np.abs(images), 0.99))
        tiles = [data_uri(weight_tile(image, limit)) for image in images[:MAX_NEURONS]]
        kinds.append({"kind": kind, "limit": f"{limit:.2g}", "tiles": tiles})
    return {"kinds": kinds, "neurons": max(map(len, weights.values()))}


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
