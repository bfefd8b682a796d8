"""The champion of an experiment: the registered model with the best test accuracy."""

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from flows.store.failures import refused

CHAMPION = "champion"


def find_champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """The champion of an experiment, if it has one."""
    try:
        name.encode()
        return client.get_model_version_by_alias(name, CHAMPION)
    except UnicodeEncodeError:  # a byte of the command line that is no text: no store has such a name
        return None
    except MlflowException as error:
        if not refused(error):
            raise
        return None
