"""The champion of an experiment: the registered model with the best test accuracy."""

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from flows.store.failures import if_there

CHAMPION = "champion"


def find_champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """The champion of an experiment, if it has one."""
    if not name.isprintable():  # a byte of the command line that is no text, for instance: no store has such a name
        return None
    return if_there(lambda: client.get_model_version_by_alias(name, CHAMPION))
