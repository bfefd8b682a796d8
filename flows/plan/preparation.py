"""The data set, the labels and the network of a cell, and its key."""

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from flows.plan.cell import Cell
from flows.plan.experiment import Experiment
from mlp.data.corruption import corrupt_labels, corrupted_inputs
from mlp.data.randomness import generator
from mlp.data.rows import choose_rows
from mlp.data.sets import Dataset, load
from mlp.engine.reference import reference_answers
from mlp.nn.network import Network

_reference: dict[tuple, np.ndarray] = {}  # the latest


def clean_data(cell: Cell) -> Dataset:
    """The data set of a cell, before its inputs are corrupted."""
    settings = cell.experiment.data
    rows = cell.rows if settings.choice == "first" else None
    data = load(
        settings.name,
        split=settings.split,
        rows=rows,
        test_rows=settings.test_rows,
        side=settings.side,
        preprocess=settings.preprocess,
    )
    return data if settings.choice == "first" else choose_rows(data, settings.choice, cell.rows, cell.seed)


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


def given_labels(cell: Cell, data: Dataset) -> np.ndarray:
    """The labels (n,) that a cell is trained on, some of them corrupted."""
    settings = cell.experiment.corruption
    rng = generator(cell.seed if settings.seed is None else settings.seed, "corruption")
    answers = reference_of(cell, data) if settings.labels == "boundary" else None
    return corrupt_labels(data.train_labels, settings.labels, cell.fraction, data.classes, rng, settings.flips, answers)


def reference_of(cell: Cell, data: Dataset) -> np.ndarray:
    """Activations of the reference network for a cell's data set, kept for the other cells of its stack."""
    place = (data.digest, *data_of(cell))
    if place not in _reference:
        _reference.clear()
        _reference[place] = reference_answers(data)
    return _reference[place]


def network_of(cell: Cell, data: Dataset) -> Network:
    """The network of a cell, for the inputs and the classes of its data set."""
    settings = cell.network
    sizes = (data.train_images.shape[1], *settings.hidden, data.classes)
    return Network(sizes, settings.activation, settings.cost, settings.start)


def keyed_cells(experiment: Experiment) -> dict[str, Cell]:
    """The cells of an experiment by their keys, after loading its data, with what these say.

    `auto` becomes the data set that was found; side, channels and number are those of its images.
    """
    sets: dict[tuple, Dataset] = {}
    found: dict[int, Experiment] = {}  # by the identity of one that many cells share
    cells = {}
    for cell in experiment.cells():
        settings = cell.experiment.data
        if (place := (settings, cell.chosen_rows)) not in sets:
            sets[place] = clean_data(cell)
        data = sets[place]
        if id(cell.experiment) not in found:
            named = settings.model_copy(update={"name": data.name, "side": data.side})
            found[id(cell.experiment)] = cell.experiment.model_copy(update={"data": named})
        cells[cell.key(data.digest)] = replace(
            cell, experiment=found[id(cell.experiment)], channels=data.channels, loaded=len(data.train_labels)
        )
    return cells


def examples(cells: Iterable[Cell]) -> dict[tuple, Cell]:
    """A cell for each different data set among those of some cells, by what decides its data set."""
    return {data_of(cell): cell for cell in cells}


def data_of(cell: Cell) -> tuple:
    """What decides the data set of a cell."""
    return cell.experiment.data, cell.chosen_rows, cell.inputs
