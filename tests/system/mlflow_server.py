"""An MLflow server that a test starts, suspends and kills."""

import os
import signal
import subprocess

from flows.platform.health import wait_for_server
from flows.platform.servers import STORE, free_port, mlflow_command


class Server:
    """An MLflow server on a store of its own."""

    def __init__(self, workplace) -> None:
        self.store = workplace.folder / "mlruns"
        self.store.mkdir()
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.workplace, self.process = workplace, None

    def start(self) -> None:
        command = mlflow_command("127.0.0.1", self.port)
        command[command.index("--artifacts-destination") + 1] = str(self.store / "artifacts")
        environment = self.workplace.environment() | {
            STORE: f"sqlite:///{self.store}/mlflow.db",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with (self.store / "server.log").open("a") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        wait_for_server(self.address, "the test's server", 60)

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()
