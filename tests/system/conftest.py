"""What tests of the whole command share."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

# A script's jobs in the background ignore Ctrl-C, and so would every command that is started from there.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Workplace:
    """A folder in which the `mlp` command runs as a user runs it."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """This process's environment, without what it says of stores and servers."""
        drop = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "SCIKIT_LEARN_DATA")
        return {name: value for name, value in os.environ.items() if name not in drop} | self.variables

    @property
    def command(self) -> str:
        """The installed `mlp`, beside the Python that runs the tests."""
        return str(Path(sys.executable).with_name("mlp"))

    def mlp(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run `mlp` with arguments, to its end."""
        return subprocess.run(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `mlp` with arguments, in a process group of its own, with its output in `out.txt`."""
        with (self.folder / "out.txt").open("w") as output:
            return subprocess.Popen(
                [self.command, *arguments],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def output(self) -> str:
        """What a started `mlp` has said."""
        return (self.folder / "out.txt").read_text()

    def query(self, question: str) -> list[tuple]:
        """Ask MLflow's database, past MLflow; nothing while there is none."""
        path = self.folder / "mlruns" / "mlflow.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=20)) as database:
            try:
                return database.execute(question).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []  # MLflow is about to make them
                raise

    def runs(self, kind: str, experiment: str = "%") -> Counter[str]:
        """How many runs of a kind there are, by status."""
        return Counter(
            dict(
                self.query(
                    "select r.status, count(*) from runs r join tags t using (run_uuid) join experiments e "
                    "using (experiment_id) where t.key = 'kind' and r.lifecycle_stage = 'active' "
                    f"and t.value = '{kind}' and e.name like '{experiment}' group by 1"
                )
            )
        )

    def finished_cells(self) -> dict[str, list[tuple[str, int, float]]]:
        """Every point (metric, step, value) of each finished cell, by its key; fails if a cell was finished twice."""
        cells: dict[str, list[tuple[str, int, float]]] = {}
        for key, run in self.query(
            "select t.value, r.run_uuid from runs r join tags t using (run_uuid) "
            "where t.key = 'cell' and r.status = 'FINISHED'"
        ):
            assert key not in cells, "finished twice"
            cells[key] = self.query(f"select key, step, value from metrics where run_uuid = '{run}' order by 1, 2")
        return cells

    def wait_until(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Wait for something that is to come true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited {seconds} s in vain; so far: {self.output()}"
            time.sleep(0.2)

    def processes(self) -> list[psutil.Process]:
        """All processes that work in this folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd() == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def client(self):
        """MLflow's client on the folder's default store."""
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.folder}/mlruns/mlflow.db")


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """An empty folder."""
    return Workplace(tmp_path)


@pytest.fixture(scope="module")
def shared_workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A folder that the tests of one file share, in which servers have started once."""
    return Workplace(tmp_path_factory.mktemp("workplace"))
