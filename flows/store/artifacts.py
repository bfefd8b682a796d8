"""Files that runs keep: trained weights, the cells and the experiment of a sweep."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from pydantic import TypeAdapter

from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.configuration import parse_yaml
from flows.plan.experiment import Experiment
from flows.platform.paths import tracking_uri
from flows.platform.proxies import is_loopback
from flows.store.connection import local_path
from flows.store.runs import artifact_uri, finished_cells
from mlp.data.randomness import generator
from mlp.measures.landscape import weight_images
from mlp.nn.network import Network, Parameters
from mlp.nn.weights import Snapshots, read_snapshots, read_weights

WEIGHTS, SNAPSHOTS = "weights.npz", "snapshots.npz"  # of a cell
CELLS, EXPERIMENT = "cells.json", "experiment.yaml"  # of a sweep
Content = TypeVar("Content")
parse_cells = TypeAdapter(dict[str, str]).validate_json


@contextmanager
def artifact(client: MlflowClient, run_id: str, name: str) -> Iterator[Path]:
    """An artifact as a file, for as long as the block runs: the file itself, or a copy if it is on another machine."""
    if folder := local_folder(client, artifact_uri(client, run_id)):
        yield folder / name
        return
    with TemporaryDirectory() as copies:  # without it MLflow would leave its copy behind
        yield Path(client.download_artifacts(run_id, name, copies))


def has_artifact(client: MlflowClient, run_id: str, name: str) -> bool:
    """Tell whether a run has an artifact; raises an MlflowException if the store can't be reached."""
    return name in [file.path for file in client.list_artifacts(run_id)]


def read_if_there(client: MlflowClient, run_id: str, name: str, read: Callable[[Path], Content]) -> Content | None:
    """The content of an artifact; None if the run has none of this name.

    Raises
    ------
    MlflowException
        If the store can't be reached.
    """
    try:
        with artifact(client, run_id, name) as path:
            return read(path)
    except (MlflowException, OSError):
        if has_artifact(client, run_id, name):
            raise
        return None


def load_weights(client: MlflowClient, run_id: str) -> Parameters:
    """The trained parameters of a cell.

    Raises
    ------
    ConfigurationError
        If the file is gone or damaged; the message names it, its run, and the command that trains the cell again.
    MlflowException
        If the store can't be reached.
    """
    try:
        weights = read_if_there(client, run_id, WEIGHTS, read_weights)
    except ValueError as error:
        raise lost(client, run_id, WEIGHTS, str(error.__cause__ or error)) from None
    if weights is None:
        raise lost(client, run_id, WEIGHTS)
    return weights


def load_snapshots(client: MlflowClient, run_id: str) -> Snapshots:
    """The parameters of a cell after some earlier epochs; none if the file is damaged, or missing.

    A large network has none, nor has one that an older version trained.

    Raises
    ------
    MlflowException
        If the store can't be reached.
    """
    with suppress(ValueError):
        return read_if_there(client, run_id, SNAPSHOTS, read_snapshots) or {}
    return {}


def lost(client: MlflowClient, run_id: str, name: str, damage: str = "") -> ConfigurationError:
    """The error for an artifact of a cell that is gone, or damaged: its place, its run, and the way out."""
    run = client.get_run(run_id)
    folder = local_folder(client, run.info.artifact_uri)
    place = folder / name if folder else f"{run.info.artifact_uri}/{name}"
    state = f"is damaged ({damage}); delete it, and" if damage else "is gone;"
    again = training_command(client, run)
    return ConfigurationError(f"{place}, of {run.info.run_name} (run {run_id}), {state} {again} makes it again")


def training_command(client: MlflowClient, cell: Run) -> str:
    """The command that trains a cell again, by the recipe of its sweep if that is on this machine."""
    name = client.get_experiment(cell.info.experiment_id).name
    recipe = None
    with suppress(MlflowException, KeyError):  # the sweep may be gone too
        recipe = local_folder(client, client.get_run(cell.data.tags["sweep"]).info.artifact_uri)
    if recipe is None or not (recipe / EXPERIMENT).exists():
        return f"`mlp run --force` with the options of the experiment {name}"
    uri, usual = client.tracking_uri, tracking_uri(None)
    # The address of another store may hold a password.
    option = "" if uri == usual else f" --tracking-uri {shlex.quote(uri) if uri.startswith('sqlite') else '…'}"
    return f"`mlp run {shlex.quote(str(recipe / EXPERIMENT))}{option}`"


def local_folder(client: MlflowClient, address: str) -> Path | None:
    """The folder at an address of artifacts; None if it may be on another machine."""
    if urlsplit(address).scheme not in ("", "file"):
        return None
    folder, server = local_path(address), urlsplit(client.tracking_uri)
    elsewhere = server.scheme in ("http", "https") and not (is_loopback(server.hostname or "") and folder.exists())
    return None if elsewhere else folder


def not_done(client: MlflowClient, experiment_id: str, cells: dict[str, Cell]) -> dict[str, Cell]:
    """The cells that no run has finished, or whose weights are gone; files on other machines count as there."""
    done = finished_cells(client, experiment_id)
    folder = local_folder(client, client.get_experiment(experiment_id).artifact_location)

    def has_weights(key: str) -> bool:
        return folder is None or (folder / done[key] / "artifacts" / WEIGHTS).exists()

    return {key: cell for key, cell in cells.items() if not (key in done and has_weights(key))}


def first_layer(client: MlflowClient, cell: pd.Series) -> dict[str, np.ndarray]:
    """Pictures (neurons, side, side) of the weights into the first layer, and of what training changed.

    Parameters
    ----------
    cell : Series
        A row of `flows.load_runs`.
    """
    trained = load_weights(client, cell["run_id"])
    sizes = (trained[0].weights.shape[0], *(layer.biases.size for layer in trained))
    network = Network(sizes, cell["activation"], cell["cost"], cell["start"])
    start = network.initialize(generator(int(cell["seed"]), "start"))
    weights = trained[0].weights
    return {"trained": weight_images(weights), "change": weight_images(weights - start[0].weights)}


def read_cells(client: MlflowClient, sweep: Run) -> dict[str, str]:
    """The names of the cells that a sweep asked for, by key; raises as `read_of_sweep` does."""
    return read_of_sweep(client, sweep, CELLS, parse_cells)


def read_experiment(client: MlflowClient, sweep: Run) -> Experiment:
    """The experiment that a sweep carries out; raises as `read_of_sweep` does."""
    return read_of_sweep(client, sweep, EXPERIMENT, parse_experiment)


def read_of_sweep(client: MlflowClient, sweep: Run, name: str, parse: Callable[[str], Content]) -> Content:
    """An artifact of a sweep, which somebody may have edited.

    Raises
    ------
    ConfigurationError
        If the file is gone or damaged.
    """
    content, problem = None, f"whose {name} is damaged"
    with suppress(ValueError, RecursionError):
        content = read_if_there(client, sweep.info.run_id, name, lambda path: parse(path.read_text(encoding="utf-8")))
        problem = f"which has no {name}"
    if content is None:
        allowed = "one that `mlp run` made, or --all"
        raise ConfigurationError(f"sweep: {sweep.info.run_id} given, {problem}; allowed: {allowed}")
    return content


def parse_experiment(text: str) -> Experiment:
    """An experiment, from YAML without aliases: a few lines of them could stand for more than the memory holds.

    Raises
    ------
    ValueError
        If it is none.
    """
    settings = parse_yaml(text, EXPERIMENT)
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
        raise ConfigurationError(f"{EXPERIMENT}: an alias given; allowed: values, written out")
    return Experiment.model_validate(settings)
