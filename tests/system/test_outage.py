"""No result is lost when MLflow is unavailable for a while or for good, or when the disk is full."""

import contextlib
import http.server
import signal
import threading
import time
from collections.abc import Iterator

import pytest

pytestmark = [pytest.mark.system, pytest.mark.slow]

LONG = ("run", "demo", "--data", "digits", "--seeds", "0-7", "--set", "networks.0.hidden=[64]")


def check_complete(workplace, cells: int, epochs: int) -> None:
    finished = workplace.finished_cells()
    assert len(finished) == cells
    for points in finished.values():
        assert [step for name, step, _ in points if name == "test/accuracy"] == list(range(epochs + 1))
        assert len({(name, step) for name, step, _ in points}) == len(points)


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_a_sweep_is_complete_although_mlflow_was_unavailable_for_thirty_seconds(workplace, server, how):
    process = workplace.start(*LONG, "--epochs", "80", "--tracking-uri", server.address)
    workplace.wait_until(lambda: workplace.runs("cell")["RUNNING"])
    server.kill() if how == "killed" else server.signal(signal.SIGSTOP)
    time.sleep(30)
    server.start() if how == "killed" else server.signal(signal.SIGCONT)
    assert process.wait(400) == 0, workplace.output()
    check_complete(workplace, 24, 80)
    assert workplace.runs("sweep") == {"FINISHED": 1}


def test_the_results_of_a_sweep_that_outlives_mlflow_are_delivered_later(workplace, server, monkeypatch):
    process = workplace.start(*LONG, "--epochs", "40", "--tracking-uri", server.address)
    workplace.wait_until(lambda: workplace.runs("cell")["RUNNING"])
    server.kill()
    assert process.wait(400) == 1
    output = " ".join(workplace.output().split())
    assert "did not take all results" in output
    assert "`mlp sync` delivers them" in output
    assert "Traceback" not in output
    server.start()
    assert "24 cells delivered" in workplace.mlp("sync").stdout
    check_complete(workplace, 24, 40)
    again = workplace.mlp(*LONG, "--epochs", "40", "--tracking-uri", server.address)
    assert again.returncode == 0, again.stderr
    assert workplace.runs("sweep") == {"FINISHED": 1}, "a second sweep was started instead of completing the first"
    check_complete(workplace, 24, 40)


@pytest.fixture
def broken() -> Iterator[str]:
    """The address of a server that reports itself healthy but answers every other request with 500."""

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
def test_a_server_that_answers_500_is_reported_without_a_traceback(workplace, broken, command):
    result = workplace.mlp(*command, "--tracking-uri", broken)
    assert result.returncode == 2
    assert "which does not answer like MLflow (" in result.stderr
    assert "500" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_a_sweep_says_that_the_disk_filled_up_and_can_be_continued(workplace, small_disk):
    process = workplace.start(*LONG, "--epochs", "80", "--set", "networks=[{hidden: [64]},{hidden: [48]}]")
    workplace.wait_until(lambda: workplace.runs("cell")["RUNNING"])
    filler = workplace.folder / "mlruns" / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert process.wait(400) != 0
    output = " ".join(workplace.output().split())
    assert "full" in output or "No space left" in output
    assert "Traceback" not in output
    filler.unlink()
    assert workplace.query("pragma integrity_check") == [("ok",)]
    again = workplace.mlp(*LONG, "--epochs", "80", "--set", "networks=[{hidden: [64]},{hidden: [48]}]", timeout=400)
    assert again.returncode == 0, again.stdout + again.stderr
    check_complete(workplace, 48, 80)


def test_a_store_folder_that_cannot_be_written_gives_one_line(workplace):
    (workplace.folder / "mlruns").write_text("not a folder")
    result = workplace.mlp("run", "demo", "--data", "digits")
    assert result.returncode == 2
    assert "mlruns" in result.stderr
    assert result.stderr.count("\n") == 1
