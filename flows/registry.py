"""The best cell of a sweep as a registered model: without pickle, with signature and input example."""

import tempfile
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

import mlp
from flows.experiment import Cell
from flows.training import load_data, network_of

CHAMPION = "champion"
# What versions are compared by.
SCORE = "test/accuracy"
# The numbers that a version carries as tags.
NUMBERS = (SCORE, "train/accuracy", "test/cost", "generalization_gap", "noise/uniform/confidence")


def register(client: MlflowClient, sweep_id: str, name: str, best: pd.Series, cell: Cell) -> ModelVersion:
    """Register a cell's network under the experiment's name; the best of all its versions is the `champion`.

    Parameters
    ----------
    best : Series
        The cell's row of `flows.load_runs`; its `weights.npz` is taken.
    """
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}'")
    made = next((known for known in versions if known.run_id == best["run_id"]), None)
    if made is None:
        made = add_version(client, sweep_id, name, best, cell)
        versions.append(made)
    champion = max(versions, key=lambda known: (score(known), int(known.version)))
    client.set_registered_model_alias(name, CHAMPION, champion.version)
    return made


def score(known: ModelVersion) -> float:
    """A version's test accuracy; that of one that someone else registered counts as none."""
    try:
        return float(known.tags.get(SCORE, -1))
    except ValueError:
        return -1.0


def add_version(client: MlflowClient, sweep_id: str, name: str, best: pd.Series, cell: Cell) -> ModelVersion:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        save(client, best["run_id"], cell, model)
        # A server takes a version's files from the artifacts of the run that it names, and from nowhere else.
        client.log_artifacts(best["run_id"], str(model), "model")
    source = f"{client.get_run(best['run_id']).info.artifact_uri}/model"
    numbers = {metric: f"{best[metric]:.6g}" for metric in NUMBERS if pd.notna(best.get(metric))}
    description = (
        f"{cell.name}: {best[SCORE]:.2%} of the test images of {best['data']} read correctly, best of its sweep"
    )
    tags = numbers | {"cell": cell.name, "data": str(best["data"]), "sweep": sweep_id}
    return client.create_model_version(name, source, best["run_id"], tags=tags, description=description)


def save(client: MlflowClient, run_id: str, cell: Cell, path: Path) -> None:
    """Write a cell's network as an MLflow model that stands on numpy, pandas and the package `mlp` alone."""
    data = load_data(cell)
    network = network_of(cell, data)
    inputs = Schema([TensorSpec(np.dtype(np.float32), (-1, network.sizes[0]))])
    activations = [ColSpec(DataType.float, f"activation_{digit}") for digit in range(network.sizes[-1])]
    outputs = Schema([ColSpec(DataType.long, "digit"), ColSpec(DataType.float, "confidence"), *activations])
    mlflow.pyfunc.save_model(
        path,
        python_model=str(Path(__file__).with_name("model.py")),
        artifacts={"weights": client.download_artifacts(run_id, "weights.npz", str(path.parent))},
        model_config={
            "sizes": list(network.sizes),
            "activation": network.activation,
            "cost": network.cost,
        },
        code_paths=[str(Path(mlp.__file__).parent)],
        signature=ModelSignature(inputs, outputs),
        input_example=(data.test_images[:1] / np.float32(255)).astype(np.float32),
        pip_requirements=[f"{package}=={version(package)}" for package in ("mlflow", "numpy", "pandas")],
    )
