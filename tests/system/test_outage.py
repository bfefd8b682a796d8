"""MLflow goes away for a while, or for good; the disk is full, the folder read-only: no result is lost."""

import contextlib
import http.server
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from flows.service import free_port, mlflow_command, wait_for

pytestmark = [pytest.mark.system, pytest.mark.slow]

LONG = ("run", "demo", "--data", "digits", "--seeds", "0-7", "--set", "networks.0.hidden=[64]")


class Server:
    """An MLflow server on a store of its own."""

    def __init__(self, workplace) -> None:
        self.store = workplace.folder / "mlruns"
        self.store.mkdir()
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.workplace, self.process = workplace, None

    def start(self) -> None:
        command = mlflow_command(f"sqlite:///{self.store}/mlflow.db", "127.0.0.1", self.port)
        command[command.index("--artifacts-destination") + 1] = str(self.store / "artifacts")
        environment = self.workplace.environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.store / "server.log").open("a") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        wait_for(f"{self.address}/health", "the test's server")

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(workplace) -> Iterator[Server]:
    served = Server(workplace)
    served.start()
    yield served
    served.kill()


def check_complete(workplace, cells: int, epochs: int) -> None:
    finished = workplace.finished_cells()
    assert len(finished) == cells
    for points in finished.values():
        assert [step for name, step, _ in points if name == "test/accuracy"] == list(range(epochs + 1))
        assert len({(name, step) for name, step, _ in points}) == len(points)


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_mlflow_is_away_for_thirty_seconds_in_the_middle_of_a_sweep_and_nothing_is_missing(workplace, server, how):
    process = workplace.start(*LONG, "--epochs", "80", "--tracking-uri", server.address)
    workplace.wait_until(lambda: workplace.runs("cell")["RUNNING"])
    server.kill() if how == "killed" else server.signal(signal.SIGSTOP)
    time.sleep(30)
    server.start() if how == "killed" else server.signal(signal.SIGCONT)
    assert process.wait(400) == 0, workplace.output()
    check_complete(workplace, 24, 80)
    assert workplace.runs("sweep") == {"FINISHED": 1}


def test_results_of_a_sweep_that_outlives_mlflow_are_delivered_later(workplace, server, monkeypatch):
    process = workplace.start(*LONG, "--epochs", "40", "--tracking-uri", server.address)
    workplace.wait_until(lambda: workplace.runs("cell")["RUNNING"])
    server.kill()
    assert process.wait(400) == 1
    said = " ".join(workplace.output().split())
    assert "could not be given all results" in said
    assert "`mlp sync` delivers them" in said
    assert "Traceback" not in said
    server.start()
    assert "24 cells delivered" in workplace.mlp("sync").stdout
    check_complete(workplace, 24, 40)
    again = workplace.mlp(*LONG, "--epochs", "40", "--tracking-uri", server.address)
    assert again.returncode == 0, again.stderr
    assert workplace.runs("sweep") == {"FINISHED": 1}, "the same sweep was completed"
    check_complete(workplace, 24, 40)


@pytest.fixture
def broken() -> Iterator[str]:
    """The address of a server that says that it is well, and answers every question with 500."""

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health" else 500)
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("command", [("run", "demo", "--data", "digits"), ("compare",), ("predict", "--noise", "1")])
def test_a_server_that_answers_500_is_told_in_a_line(workplace, broken, command):
    result = workplace.mlp(*command, "--tracking-uri", broken)
    assert result.returncode == 1
    assert "500" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.fixture
def small_disk(workplace) -> Iterator[None]:
    """Let the store lie on a disk of 40 MB."""
    store = workplace.folder / "mlruns"
    store.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(store)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no small disk: this user may not mount one")
    yield
    subprocess.run(["umount", "-l", str(store)], check=True)


def test_when_the_disk_fills_up_in_the_middle_a_sweep_says_so_and_can_be_continued(workplace, small_disk):
    process = workplace.start(*LONG, "--epochs", "80", "--set", "networks=[{hidden: [64]},{hidden: [48]}]")
    workplace.wait_until(lambda: workplace.runs("cell")["RUNNING"])
    filler = workplace.folder / "mlruns" / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert process.wait(400) != 0
    said = " ".join(workplace.output().split())
    assert "full" in said or "No space left" in said
    assert "Traceback" not in said
    filler.unlink()
    assert workplace.query("pragma integrity_check") == [("ok",)]
    again = workplace.mlp(*LONG, "--epochs", "80", "--set", "networks=[{hidden: [64]},{hidden: [48]}]", timeout=400)
    assert again.returncode == 0, again.stdout + again.stderr
    check_complete(workplace, 48, 80)


def test_a_folder_that_can_not_be_written_is_told_in_a_line(workplace):
    (workplace.folder / "mlruns").write_text("not a folder")
    result = workplace.mlp("run", "demo", "--data", "digits")
    assert result.returncode == 2
    assert "mlruns" in result.stderr
    assert result.stderr.count("\n") == 1
