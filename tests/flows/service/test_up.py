"""`mlp up` keeps its programs running, publishes their addresses, and stops them when it ends.

Small programs stand in for MLflow, Prefect and the worker.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flows.errors import ConfigurationError
from flows.platform.health import health_problem
from flows.platform.servers import free_port
from flows.service.security import Login
from flows.service.up import databases, mlflow_server, prefect_server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows can't send the signals that end the service")

TINY = [sys.executable, str(Path(__file__).parents[1] / "platform" / "tiny_server.py")]
PROGRAM = f"""
import sys
from types import SimpleNamespace
# Importing MLflow takes seconds.
sys.modules["flows.store.connection"] = SimpleNamespace(open_store=lambda uri: None, tracking_uri=None)
from rich.console import Console
from flows.platform import programs
from flows.service import up
ports = [int(port) for port in sys.argv[1:]]
up.mlflow_command = lambda host, port: {TINY} + ["mlflow", str(port), "notes"]
up.prefect_command = lambda host, port: {TINY} + ["prefect", str(port), "notes"]
up.worker_command = lambda: {TINY} + ["worker", str(ports[2]), "notes"]
programs.PAUSE_SECONDS = programs.POLL_SECONDS = 0.05
def prepare():
    print("servers start", flush=True)
    return lambda: print("servers answer", flush=True)

sys.exit(up.up("127.0.0.1", *ports[:2], None, None, prepare, Console(width=200)))
"""
LOGIN = Login("ada", "correct horse battery")


class Service:
    """`mlp up` in a folder, with small programs in place of the servers and the worker."""

    def __init__(self, folder: Path, changes: str = "") -> None:
        self.folder, self.ports = folder, [free_port() for _ in range(3)]
        (folder / "mlruns").mkdir()
        program = PROGRAM.replace("sys.exit(", f"{changes}\nsys.exit(")
        command = [sys.executable, "-c", program, *map(str, self.ports)]
        with (folder / "output").open("w") as output:
            self.process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, start_new_session=True)

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def answer(self) -> bool:
        return all(health_problem(f"http://127.0.0.1:{port}") is None for port in self.ports)

    def wait_until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"timed out after {seconds} s; output so far: {self.output()}"
            time.sleep(0.02)

    def supervisors(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.wait_until(lambda: "Ctrl-C ends" in service.output() or service.process.poll() is not None)
    yield service
    service.process.kill()
    service.process.wait()


def test_closing_the_terminal_ends_the_programs_in_reverse_order(service):
    service.wait_until(service.answer)
    published = json.loads((service.folder / "mlruns" / "up.json").read_text())
    assert published["owner"].split()[1] == str(service.process.pid)
    login = (service.folder / "mlruns" / "prefect-login.txt").read_text()
    assert published["environment"] == {
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{service.ports[0]}",
        "PREFECT_API_URL": f"http://127.0.0.1:{service.ports[1]}/api",
        "PREFECT_API_AUTH_STRING": login.strip(),
    }
    assert "prefect-login.txt" in service.output()
    assert login.strip() not in service.output()
    output = service.output()
    assert (
        output.index("servers start")
        < output.index("servers answer")
        < output.index(f"http://127.0.0.1:{service.ports[0]}")
        < output.index("Ctrl-C ends")
    )
    service.process.send_signal(signal.SIGHUP)
    assert service.process.wait(30) == 0
    assert set(service.notes()[:2]) == {"mlflow begins", "prefect begins"}
    assert service.notes()[2:] == ["worker begins", "worker ends", "prefect ends", "mlflow ends"]
    assert not (service.folder / "mlruns" / "up.json").exists()
    assert service.output().endswith("Ending …\n")


def test_a_program_that_dies_is_restarted_even_if_its_supervisor_was_killed(service):
    service.wait_until(service.answer)
    mlflow, prefect, worker = service.supervisors()
    mlflow.children()[0].kill()
    service.wait_until(lambda: "MLflow ended (137); started again" in service.output())
    if sys.platform == "linux":
        prefect.kill()
        service.wait_until(lambda: "Prefect ended (-9); started again" in service.output())
    service.wait_until(service.answer)
    assert worker.is_running()
    assert service.notes().count("mlflow begins") == 2
    assert service.notes().count("worker begins") == 1
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(30) == 0
    assert not service.answer()


def test_killing_the_service_ends_its_programs_too(service):
    service.wait_until(service.answer)
    family = psutil.Process(service.process.pid).children(recursive=True)
    assert len(family) == 6
    service.process.kill()
    assert psutil.wait_procs(family, timeout=20)[1] == []


def test_the_service_gives_up_when_a_program_keeps_ending_at_once(tmp_path):
    service = Service(tmp_path, 'up.worker_command = lambda: [sys.executable, "-c", "print(\'why\')"]')
    assert service.process.wait(60) == 1
    assert service.output().count("worker ended (0); started again") == 2
    assert "worker does not keep running" in service.output()
    assert (tmp_path / "mlruns" / "logs" / "worker.log").read_text() == "why\n" * 3
    assert service.notes()[-2:] == ["prefect ends", "mlflow ends"]


def test_a_server_that_fails_to_start_is_reported_at_once_and_the_other_is_stopped(tmp_path):
    service = Service(tmp_path, 'up.prefect_command = lambda host, port: [sys.executable, "-c", "raise SystemExit(4)"]')
    assert service.process.wait(60) != 0
    assert "prefect.log) ended with exit code 4 while it started" in service.output()
    assert service.notes() == ["mlflow begins", "mlflow ends"]


def test_each_server_gets_only_its_own_secrets_and_none_is_on_a_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlflow = mlflow_server("sqlite:///a.db", "0.0.0.0", 5000, LOGIN)
    prefect = prefect_server({"PREFECT_API_DATABASE_CONNECTION_URL": "x"}, "0.0.0.0", 4200, LOGIN)
    assert mlflow.environment["MLFLOW_AUTH_ADMIN_PASSWORD"] == LOGIN.password
    assert mlflow.command[-2:] == ["--app-name", "basic-auth"]
    assert prefect.environment["PREFECT_SERVER_API_AUTH_STRING"] == "ada:correct horse battery"
    assert prefect.environment["PREFECT_API_DATABASE_CONNECTION_URL"] == "x"
    assert not any(name.startswith("MLFLOW") for name in prefect.environment)
    assert not any(name.startswith("PREFECT") for name in mlflow.environment)
    assert "battery" not in " ".join(mlflow.command + prefect.command)


def test_without_a_login_mlflow_asks_for_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlflow = mlflow_server("sqlite:///a.db", "127.0.0.1", 5000, None)
    assert "--app-name" not in mlflow.command
    assert "AUTH" not in " ".join(mlflow.environment)


def test_prefects_database_is_next_to_mlflows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert databases(None) == (f"sqlite:///{tmp_path}/mlruns/mlflow.db", {})
    mlflow, prefect = databases("postgresql://me@host:5432/lab?sslmode=require")
    assert mlflow == "postgresql+psycopg://me@host:5432/lab?sslmode=require"
    assert list(prefect.values()) == ["postgresql+asyncpg://me@host:5432/lab_prefect?sslmode=require"]


@pytest.mark.parametrize(
    "address",
    [
        "mysql://me:s3cret@host/name",
        "postgres://host/name?password=s3cret",
        "postgresql://host?password=s3cret",
        "me:s3cret@host/name",
        "postgres://me:a s3cret@host/name",
        "postgresql://me:s3cret@host",
        "postgresql://me:s3/cret@host",
        "postgresql://me:s3/cret@host/",
        "s3cret",
        "",
    ],
)
def test_an_address_of_no_database_is_refused_and_its_password_not_shown(address):
    with pytest.raises(ConfigurationError, match=r"^--database: .*; allowed: postgresql://user@host/name$") as refusal:
        databases(address)
    assert "cret" not in str(refusal.value)


def test_a_password_of_a_database_may_hold_a_slash():
    _, prefect = databases("postgresql://me:s3/cret@host/lab")
    assert list(prefect.values()) == ["postgresql+asyncpg://me:s3/cret@host/lab_prefect"]
