"""Fixtures shared by the tests of the whole command."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.system.mlflow_server import Server
from tests.system.postgres import Postgres, running_postgres

# The background jobs of a script ignore Ctrl-C, and so would every command that the tests start from one.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Workplace:
    """A folder in which the `mlp` command runs as a user runs it."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """This process's environment, without the variables that name stores and servers."""
        drop = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "SCIKIT_LEARN_DATA")
        return {name: value for name, value in os.environ.items() if name not in drop} | self.variables

    @property
    def command(self) -> str:
        """The installed `mlp`, beside the Python that runs the tests."""
        return str(Path(sys.executable).with_name("mlp"))

    def mlp(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run `mlp` with these arguments and wait for it to end."""
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
        """Start `mlp` with these arguments in a process group of its own; its output goes to `out.txt`."""
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
        """The output of a started `mlp` so far."""
        return (self.folder / "out.txt").read_text()

    def query(self, sql: str) -> list[tuple]:
        """Query MLflow's database directly; returns no rows while it does not exist."""
        path = self.folder / "mlruns" / "mlflow.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=20)) as database:
            try:
                return database.execute(sql).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []  # MLflow has yet to create them
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

    def finished_runs(self, experiment: str = "%") -> list[tuple[str, str]]:
        """Cell key and run id of each run that finished a cell."""
        return self.query(
            "select t.value, r.run_uuid from runs r join tags t using (run_uuid) join experiments e "
            f"using (experiment_id) where t.key = 'cell' and r.status = 'FINISHED' and e.name like '{experiment}'"
        )

    def points(self, run: str) -> list[tuple[str, int, float]]:
        """Every point (metric, step, value) of a run."""
        return self.query(f"select key, step, value from metrics where run_uuid = '{run}' order by 1, 2")

    def finished_cells(self) -> dict[str, list[tuple[str, int, float]]]:
        """Every point of each finished cell, by cell key; fails if a cell finished twice."""
        cells: dict[str, list[tuple[str, int, float]]] = {}
        for key, run in self.finished_runs():
            assert key not in cells, "a cell finished twice"
            cells[key] = self.points(run)
        return cells

    def wait_until(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Wait until a condition holds; fail if it takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"timed out after {seconds} s; output so far: {self.output()}"
            time.sleep(0.2)

    def processes(self) -> list[psutil.Process]:
        """All processes whose working directory is this folder."""
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


@pytest.fixture
def small_disk(workplace) -> Iterator[None]:
    """Mount a disk of 80 MB as the store's folder."""
    store = workplace.folder / "mlruns"
    store.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(store)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no small disk: this user may not mount one")
    yield
    subprocess.run(["umount", "-l", str(store)], check=True)


@pytest.fixture
def server(workplace) -> Iterator[Server]:
    """An MLflow server on a store in the empty folder."""
    server = Server(workplace)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def postgres_server(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL server with two empty databases."""
    with running_postgres(tmp_path) as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> str:
    """Its address, without a database's name."""
    return postgres_server.address
