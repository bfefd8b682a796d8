"""The data set, the labels and the network of a cell, and its key."""

import numpy as np

from flows.plan.experiment import Cell, Experiment
from mlp.corruption import corrupt_labels, corrupted_inputs
from mlp.data import Dataset, load
from mlp.network import Network
from mlp.randomness import generator
from mlp.rows import choose_rows


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


def given_labels(cell: Cell, data: Dataset) -> np.ndarray:
    """The labels (n,) that a cell is trained on, some of them corrupted."""
    corruption = cell.experiment.corruption
    rng = generator(cell.seed if corruption.seed is None else corruption.seed, "corruption")
    return corrupt_labels(data.train_labels, corruption.labels, cell.fraction, data.classes, rng)


def network_of(cell: Cell, data: Dataset) -> Network:
    """The network of a cell, for the inputs and the classes of its data set."""
    settings = cell.network
    sizes = (data.train_images.shape[1], *settings.hidden, data.classes)
    return Network(sizes, settings.activation, settings.cost, settings.start)


def keyed_cells(experiment: Experiment) -> dict[str, Cell]:
    """The cells of an experiment by their keys, after loading its data; `auto` becomes the data set that was found."""
    examples = {cell.chosen_rows: cell for cell in experiment.cells()}
    sets = {rows: clean_data(cell) for rows, cell in examples.items()}
    found = experiment.data.model_copy(update={"name": next(iter(sets.values())).name})
    cells = experiment.model_copy(update={"data": found}).cells()
    return {cell.key(sets[cell.chosen_rows].digest): cell for cell in cells}
