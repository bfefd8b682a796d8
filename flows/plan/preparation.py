"""The data set, the labels and the network of a cell, and its key."""

import json

import numpy as np
from numpy.typing import NDArray

from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from flows.plan.settings import DataSettings
from mlp.data.corruption import LABEL_CORRUPTIONS, corrupt_labels, corrupted_inputs
from mlp.data.randomness import generator
from mlp.data.rows import choose_rows
from mlp.data.sets import Dataset, load
from mlp.engine.reference import reference_answers
from mlp.nn.network import Network

_reference: dict[tuple, NDArray[np.float32]] = {}  # the latest


def clean_data(cell: Cell) -> Dataset:
    """The data set of a cell, before its inputs are corrupted."""
    choice, settings = cell.data.choice, cell.data.model_dump(exclude={"rows", "choice"})
    if choice == "first":
        return load(**settings, rows=cell.rows)
    return choose_rows(load(**settings), choice, cell.rows, cell.seed)


def load_data(cell: Cell) -> Dataset:
    """The data set that a cell is trained and tested on."""
    return corrupted_inputs(clean_data(cell), cell.inputs)


def dataset_fields(data: Dataset) -> dict[str, str]:
    """The data set as MLflow describes it, with the digest of all of it."""
    counts = {"train": len(data.train_labels), "test": len(data.test_labels), "pixels": data.train_images.shape[1]}
    return {
        "name": data.name,
        "digest": data.digest[:36],
        "source_type": "scikit-learn",
        "source": json.dumps({"name": data.name}),
        "profile": json.dumps(counts),
    }


def train_labels_of(cell: Cell, data: Dataset) -> NDArray[np.uint8]:
    """The labels (n,) that a cell is trained on, some of them corrupted."""
    settings = cell.corruption
    rng = generator(cell.seed if settings.seed is None else settings.seed, "corruption")
    parameters = settings.parameters
    if LABEL_CORRUPTIONS[settings.labels].by_reference:
        parameters["answers"] = reference_of(cell, data)
    return corrupt_labels(data.train_labels, settings.labels, cell.fraction, data.classes, rng, **parameters)


def reference_of(cell: Cell, data: Dataset) -> NDArray[np.float32]:
    """Activations of the reference network for a cell's data set, kept for the other cells of its stack."""
    source = (data.digest, *cell.data_source)
    if source not in _reference:
        _reference.clear()
        _reference[source] = reference_answers(data)
    return _reference[source]


def network_of(cell: Cell, data: Dataset) -> Network:
    """The network of a cell, for the inputs and the classes of its data set."""
    sizes = (data.train_images.shape[1], *cell.network.hidden, data.classes)
    return Network(sizes, **cell.network.model_dump(exclude={"hidden"}))


def keyed_cells(experiment: Experiment) -> dict[str, Cell]:
    """The cells of an experiment by their keys, after loading its data, with what these say.

    `auto` becomes the data set that was found; side, channels and number are those of its images.
    """
    loaded: dict[tuple, tuple[Dataset, DataSettings]] = {}
    cells = {}
    for cell in experiment.cells():
        source = cell.data, cell.chosen_rows
        if source not in loaded:
            data = clean_data(cell)
            loaded[source] = data, cell.data.model_copy(update={"name": data.name, "side": data.side})
        data, settings = loaded[source]
        found = {"data": settings, "channels": data.channels, "loaded": len(data.train_labels)}
        cells[cell.key(data.digest)] = cell.model_copy(update=found)
    return cells
