"""The best cell of a sweep as a registered model, without pickle, with signature and input example."""

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
from mlflow.pyfunc import PyFuncModel
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

import mlp
from flows.errors import ConfigurationError
from flows.plan.cell import Cell
from flows.plan.preparation import load_data, network_of
from flows.store.artifacts import WEIGHTS, load_weights, lost
from flows.store.experiments import CHAMPION, find_champion
from flows.store.failures import shortened
from flows.store.runs import pages
from mlp.measures.metrics import METRICS
from mlp.nn.weights import write_weights

MODEL = "model"  # the artifact of a cell
SCORE = "test/accuracy"  # decides which version is the champion


def register(client: MlflowClient, sweep_id: str, name: str, best: pd.Series, cell: Cell) -> ModelVersion:
    """Register the network of a cell under the name of the experiment; the best of all versions is the champion.

    Parameters
    ----------
    best : Series
        The cell's row of `flows.load_runs`.
    """
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}'")
    versions.sort(key=lambda model: (score(model), int(model.version)), reverse=True)
    made = next((model for model in versions if model.run_id == best["run_id"] and has_files(client, model)), None)
    if made is None:
        made = create_version(client, sweep_id, name, best, cell)
    better = (model for model in versions if score(model) > score(made) and has_files(client, model))
    client.set_registered_model_alias(name, CHAMPION, next(better, made).version)
    return made


def load_champion(client: MlflowClient, name: str) -> tuple[ModelVersion, PyFuncModel]:
    """The champion of an experiment, opened.

    Raises
    ------
    ConfigurationError
        If there is none, or its files are gone or damaged; the message says how to get one.
    """
    champion = find_champion(client, name)
    if champion is None:
        models = pages(lambda token: client.search_registered_models(page_token=token))
        names = sorted(model.name for model in models if CHAMPION in model.aliases)
        raise ConfigurationError(
            f"--experiment: {name!r} given, which has no champion; allowed: {', '.join(names) or 'none so far'}; "
            "`mlp run` registers one"
        )
    if not has_files(client, champion):
        raise unusable(client, champion)
    mlflow.set_tracking_uri(client.tracking_uri)
    try:
        with tempfile.TemporaryDirectory() as folder:  # otherwise MLflow would leave a folder with its copy
            return champion, mlflow.pyfunc.load_model(f"models:/{name}@{CHAMPION}", dst_path=folder)
    except Exception as error:  # Python and MLflow raise many types for damaged files
        raise unusable(client, champion, shortened(error)) from error


def unusable(client: MlflowClient, champion: ModelVersion, damage: str = "") -> ConfigurationError:
    """The error for a champion whose files are gone, or damaged."""
    if champion.run_id:
        return lost(client, champion.run_id, MODEL, damage)
    state = f"can't be opened ({damage})" if damage else "is gone"
    return ConfigurationError(f"{champion.source}, which somebody made the champion of {champion.name}, {state}")


def has_files(client: MlflowClient, version: ModelVersion) -> bool:
    """Tell whether the files of a version are there."""
    return bool(version.source and mlflow.artifacts.list_artifacts(version.source, tracking_uri=client.tracking_uri))


def score(model: ModelVersion) -> float:
    """The test accuracy of a version; −1 for one that was not registered here."""
    try:
        return float(model.tags.get(SCORE, -1))
    except ValueError:
        return -1.0


def create_version(client: MlflowClient, sweep_id: str, name: str, best: pd.Series, cell: Cell) -> ModelVersion:
    """Save the network as a model among the artifacts of its run, and make it a version."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        save(client, best["run_id"], cell, model)
        # A server accepts only files from the artifacts of the run that the version names.
        client.log_artifacts(best["run_id"], str(model), MODEL)
    source = f"{client.get_run(best['run_id']).info.artifact_uri}/{MODEL}"
    shown = [row.name for row in METRICS.values() if row.headline or row.measure or row.final]
    numbers = {name: f"{best[name]:.6g}" for name in shown if pd.notna(best.get(name))}
    read = f"{best[SCORE]:.2%} of the test images of {best['data']} read correctly"
    tags = numbers | {"cell": cell.name, "data": str(best["data"]), "sweep": sweep_id}
    description = f"{cell.name}: {read}, best of its sweep"
    return client.create_model_version(name, source, best["run_id"], tags=tags, description=description)


def save(client: MlflowClient, run_id: str, cell: Cell, path: Path) -> None:
    """Write the network of a cell as an MLflow model that needs only numpy, pandas and the package `mlp`."""
    data = load_data(cell)
    network = network_of(cell, data)
    weights = path.with_name(WEIGHTS)
    write_weights(weights, load_weights(client, run_id))
    inputs = Schema([TensorSpec(np.dtype(np.float32), (-1, network.sizes[0]))])
    activations = [ColSpec(DataType.float, f"activation_{digit}") for digit in range(network.sizes[-1])]
    outputs = Schema([ColSpec(DataType.long, "digit"), ColSpec(DataType.float, "confidence"), *activations])
    mlflow.pyfunc.save_model(
        path,
        python_model=str(Path(__file__).with_name("model.py")),
        artifacts={"weights": weights.as_uri()},  # of a path, MLflow would take %20 for a space
        model_config={
            "sizes": list(network.sizes),
            "activation": network.activation,
            "cost": network.cost,
            "preprocess": data.preprocess,
        },
        code_paths=[str(Path(mlp.__file__).parent)],
        signature=ModelSignature(inputs, outputs),
        input_example=(data.test_images[:1] / np.float32(255)).astype(np.float32),
        pip_requirements=[f"{package}=={version(package)}" for package in ("mlflow", "numpy", "pandas")],
    )
