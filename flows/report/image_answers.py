"""The answers of a comparison's networks to single images: to the test images, and to noise."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from flows.errors import ConfigurationError
from flows.report.compare import Comparison
from flows.store.artifacts import load_weights
from mlp.data.corruption import corrupted_inputs
from mlp.data.randomness import generator
from mlp.data.sets import Dataset, DataUnavailable, load
from mlp.measures.confidence import NOISES, answers_in_blocks, noise_images
from mlp.nn.network import Network, Parameters

# Asking so many networks takes seconds: each answers the test images once, as it did after every epoch.
MAX_CELLS = 100
MAX_GROUPS = 10
NOISE_IMAGES = 4  # of each kind
DATA = ["data", "split", "side", "preprocess", "inputs"]  # the params that decide what the test images are

Networks = dict[str, tuple[Network, Parameters]]  # trained networks by run id


@dataclass(frozen=True)
class Misread:
    """The test images that all asked networks of a group misread, those with the most equal answers first.

    Attributes
    ----------
    group, networks, tested : int
        The number of the group, of its networks that were asked, and of the test images.
    numbers, true, answers, votes : (n,) int
        Place of the image in the test set, its label, the most frequent answer, and how many networks gave it.
    images : (n, pixels) uint8
    """

    group: int
    networks: int
    tested: int
    numbers: NDArray
    true: NDArray
    answers: NDArray
    votes: NDArray
    images: NDArray


@dataclass(frozen=True)
class ImageAnswers:
    """The answers that could be had.

    Attributes
    ----------
    confusions : dict
        By number of the group, see `confusion`, the mean over its networks.
    misread : Misread or None
        Misread images of the baseline, or of the first group.
    noise : dict
        By kind of noise and run id of a cell, images (n, pixels) uint8 and output activations (n, outputs).
    notes : list of str
        Questions that were not asked, and why.
    """

    confusions: dict[int, NDArray]
    misread: Misread | None
    noise: dict[str, dict[str, tuple[NDArray, NDArray]]]
    notes: list[str]


def ask(client: MlflowClient, comparison: Comparison, noisy: pd.DataFrame, recipe: Mapping[str, Any]) -> ImageAnswers:
    """Ask the networks of a comparison about the test images, and some of them about noise.

    Parameters
    ----------
    noisy : DataFrame
        The cells that are asked about noise, of the kinds on which they were measured.
    recipe : mapping
        The experiment of the sweep, which may use a part of the test images; empty for several sweeps.
    """
    base = comparison.baselines.index(None)
    asked, notes = chosen(comparison.cells, base)
    everyone = pd.concat([asked, noisy]).drop_duplicates("run_id")
    sets, unavailable = data_sets(everyone, recipe.get("data", {}).get("test_rows"))
    networks, lost = read_networks(client, everyone[[where(cell) in sets for _, cell in everyone.iterrows()]])
    confusions, misread = {}, None
    for group, cells in asked[asked["run_id"].isin(networks)].groupby("group"):
        data = sets[where(cells.iloc[0])]
        with threadpool_limits(1, "blas"):  # the products are too small to gain from threads
            answers = np.array([answers_in_blocks(*networks[run_id], data.test_images) for run_id in cells["run_id"]])
        digits = answers.argmax(axis=2)
        matrices = [confusion(data.test_labels, each, answers.shape[2]) for each in digits]
        confusions[int(group)] = np.mean(matrices, axis=0)
        if group == base:
            misread = misread_by_all(base, data, digits)
    noise: dict[str, dict[str, tuple[NDArray, NDArray]]] = {}
    for _, cell in noisy[noisy["run_id"].isin(networks)].iterrows():
        for kind in NOISES:
            if pd.notna(cell.get(f"noise/{kind}/confidence")):
                rng = generator(int(cell["noise_seed"]), "noise")
                images = noise_images(kind, NOISE_IMAGES, sets[where(cell)], rng)
                run_id = cell["run_id"]
                noise.setdefault(kind, {})[run_id] = images, answers_in_blocks(*networks[run_id], images)
    return ImageAnswers(confusions, misread, noise, notes + unavailable + lost)


def chosen(cells: pd.DataFrame, base: int) -> tuple[pd.DataFrame, list[str]]:
    """The cells to ask about the test images: the first seeds of some groups, among them the first, last and `base`."""
    groups, seeds = np.unique(cells["group"]), np.unique(cells["seed"])
    some_groups = {*evenly(groups, MAX_GROUPS), base}
    some_seeds = seeds[: MAX_CELLS // len(some_groups)]
    notes = []
    if len(some_groups) < len(groups):
        notes.append(f"{len(some_groups)} of the {len(groups)} groups were asked")
    if len(some_seeds) < len(seeds):
        notes.append(f"the networks of the first {len(some_seeds)} of {len(seeds)} seeds were asked")
    return cells[cells["group"].isin(some_groups) & cells["seed"].isin(some_seeds)].sort_values("seed"), notes


def evenly(items: NDArray, most: int) -> NDArray:
    """At most so many of some items (n,), evenly spread, the first and the last among them."""
    return items[np.linspace(0, len(items) - 1, min(len(items), most)).round().astype(int)]


def where(cell: pd.Series) -> tuple:
    """The params that decide the test images of a cell."""
    return tuple(cell[DATA])


def data_sets(cells: pd.DataFrame, test_rows: int | None) -> tuple[dict[tuple, Dataset], list[str]]:
    """The data sets of cells, each with one training image only, and which are not available."""
    sets, notes = {}, []
    for params in dict.fromkeys(where(cell) for _, cell in cells.dropna(subset=DATA).iterrows()):
        name, split, side, preprocess, inputs = params
        try:
            data = load(name, split=split, rows=1, test_rows=test_rows, side=int(side), preprocess=preprocess)
        except (DataUnavailable, ValueError):  # ValueError: the params of a run of another program
            notes.append(
                f"the data set {name} was not available where this page was made, so its networks were not asked"
            )
        else:
            sets[params] = corrupted_inputs(data, inputs)
    return sets, notes


def read_networks(client: MlflowClient, cells: pd.DataFrame) -> tuple[Networks, list[str]]:
    """The trained networks of cells, and how many are gone or damaged."""
    networks = {}
    for _, cell in cells.iterrows():
        with suppress(ConfigurationError):
            parameters = load_weights(client, cell["run_id"])
            sizes = (len(parameters[0].weights), *(layer.biases.size for layer in parameters))
            networks[cell["run_id"]] = Network(sizes, cell["activation"], cell["cost"]), parameters
    lost = len(cells) - len(networks)
    return networks, [f"the weights of {lost} of {len(cells)} networks are gone or damaged"] if lost else []


def confusion(true: NDArray, answered: NDArray, classes: int) -> NDArray:
    """Share of the images of each class that get each answer, (classes, classes): a row for each true class.

    Parameters
    ----------
    true, answered : (n,) int

    Returns
    -------
    (classes, classes)
        Every row sums to 1; NaN for a class without images.
    """
    counts = np.bincount(true.astype(int) * classes + answered, minlength=classes**2).reshape(classes, classes)
    images = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, images, out=np.full(counts.shape, np.nan), where=images > 0)


def misread_by_all(group: int, data: Dataset, digits: NDArray) -> Misread:
    """The test images that no network reads correctly.

    Parameters
    ----------
    digits : (networks, n) int
        The answers to all test images.
    """
    numbers = np.flatnonzero((digits != data.test_labels).all(axis=0))
    counts = (digits[:, numbers, None] == np.arange(digits.max() + 1)).sum(axis=0)
    numbers, counts = (rows[np.argsort(-counts.max(axis=1), kind="stable")] for rows in (numbers, counts))
    answers, votes = counts.argmax(axis=1), counts.max(axis=1)
    images, true = data.test_images[numbers], data.test_labels[numbers]
    return Misread(group, len(digits), digits.shape[1], numbers, true, answers, votes, images)
