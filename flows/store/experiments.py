"""Experiments in MLflow, their champions, and where they keep their artifacts."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from mlflow import MlflowClient, entities
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from flows.errors import ConfigurationError
from flows.plan.experiment import Experiment
from flows.platform.paths import sqlite_file, store_folder
from flows.platform.proxies import is_loopback
from flows.platform.service_file import running_service
from flows.store.connection import local_address
from flows.store.failures import if_there, lost_a_race
from flows.store.runs import DESCRIPTION

NAME = "made_as"  # tag of an experiment
CHAMPION = "champion"  # alias of its registered model with the best test accuracy


def find_experiment(client: MlflowClient, name: str) -> entities.Experiment | None:
    """The MLflow experiment that was made under a name, which somebody may have changed since, or that has it now."""
    if not name.isprintable():  # a byte of the command line that is no text, for instance
        return None
    if re.fullmatch(r"[\w-]+", name):
        for experiment in client.search_experiments(filter_string=f"tags.{NAME} = '{name}'", max_results=1):
            return experiment
    return client.get_experiment_by_name(name)


def name_of(experiment: entities.Experiment) -> str:
    """The name under which an MLflow experiment was made, which is also that of its registered model."""
    return experiment.tags.get(NAME, experiment.name)


def find_champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """The champion of an experiment, if it has one."""
    if not name.isprintable():  # a byte of the command line that is no text, for instance: no store has such a name
        return None
    return if_there(lambda: client.get_model_version_by_alias(name, CHAMPION))


def open_experiment(client: MlflowClient, experiment: Experiment) -> str:
    """Id of the MLflow experiment of this name, which is created if there is none.

    Raises
    ------
    ConfigurationError
        If it was deleted in MLflow.
    """
    name, existing = experiment.name, find_experiment(client, experiment.name)
    if existing is None:
        folder = artifact_folder(client.tracking_uri)
        location = local_address(folder / name) if folder else None
        try:
            return client.create_experiment(name, location, {DESCRIPTION: experiment.description, NAME: name})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return open_experiment(client, experiment)  # another sweep created it at the same moment
    if existing.lifecycle_stage == "deleted":
        raise ConfigurationError(f"name: {name!r} given, which was deleted in MLflow; allowed: another")
    if NAME not in existing.tags:  # an older version made it
        set_experiment_tag(client, existing.experiment_id, NAME, name)
    return existing.experiment_id


def set_experiment_tag(client: MlflowClient, experiment_id: str, name: str, value: str) -> None:
    """Set a tag of an experiment, even if another sweep sets the same new tag at the same moment."""
    try:
        client.set_experiment_tag(experiment_id, name, value)
    except MlflowException as error:
        if not lost_a_race(error):
            raise
        client.set_experiment_tag(experiment_id, name, value)


def artifact_folder(uri: str) -> Path | None:
    """The folder of the artifacts of a store; None if its server keeps them."""
    if uri.startswith("sqlite"):
        return sqlite_file(uri).parent / "artifacts"
    service = running_service()
    local = service and service.mlflow == uri and is_loopback(urlsplit(uri).hostname or "")
    return store_folder() / "artifacts" if local or not uri.startswith("http") else None
