"""`mlruns/up.json`: by this file the commands on a store find the servers of `mlp up`."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.platform.identity import is_running, this_process
from flows.platform.paths import store_folder
from flows.platform.system import create_private


@dataclass(frozen=True)
class Service:
    """A service that serves a store.

    Attributes
    ----------
    owner : str
        Identity of the process of `mlp up`; see `flows.platform.identity`.
    environment : dict
        The variables with which MLflow's and Prefect's clients reach the servers.
    """

    owner: str
    environment: dict[str, str]

    @property
    def process(self) -> int:
        """Process id of `mlp up`."""
        return int(self.owner.split()[1])

    @property
    def mlflow(self) -> str:
        """Address of MLflow's server and its pages."""
        return self.environment["MLFLOW_TRACKING_URI"]


def service_file() -> Path:
    """The file's path."""
    return store_folder() / "up.json"


def publish_service(environment: dict[str, str]) -> None:
    """Write the file for this process; only this user may read it, since it may hold a password."""
    draft = service_file().with_suffix(".draft")
    with create_private(draft) as file:
        json.dump(asdict(Service(this_process(), environment)), file)
    draft.replace(service_file())


def running_service() -> Service | None:
    """The service that runs on this folder's store, if there is one."""
    try:
        service = Service(**json.loads(service_file().read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return service if is_running(service.owner) else None


def use_running_service() -> None:
    """Have this process use the servers of the running service; variables that the user has set stay."""
    if service := running_service():
        for name, value in service.environment.items():
            os.environ.setdefault(name, value)
