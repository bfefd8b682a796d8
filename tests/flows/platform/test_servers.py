"""Servers start on free ports, keep their databases apart, and answer."""

import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from flows.errors import ConfigurationError
from flows.platform import servers
from flows.platform.health import health_problem, wait_for_server

TINY = [sys.executable, str(Path(__file__).with_name("tiny_server.py"))]

ENDS = [sys.executable, "-c", "raise SystemExit(5)"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """An empty working folder, without the addresses of servers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(atexit, "register", lambda *handler: None)
    monkeypatch.setenv("PREFECT_API_URL", "")  # restored at the end, since a server sets it
    return tmp_path


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.02)


def test_a_port_that_is_taken_is_told_by_its_option_and_is_free_again_when_its_server_has_closed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=rf"^--port: {port} given at 127.0.0.1 \(.*in use\); allowed: a free"
        ):
            servers.check_free("--port", "127.0.0.1", port)
    servers.check_free("--port", "127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_told_as_such_not_as_a_port(host):
    with pytest.raises(ConfigurationError, match=rf"^--host: {host} given"):
        servers.check_free("--port", host, servers.free_port())


def test_a_prefect_server_starts_unless_one_is_named_and_the_variable_leads_to_it(folder, monkeypatch):
    monkeypatch.setattr(servers, "prefect_command", lambda host, port: [*TINY, "prefect", str(port), "notes"])
    server = servers.start_prefect_server()
    assert server is not None
    servers.wait_for_prefect(server)
    assert (folder / "notes").read_text() == "prefect begins\n"
    assert servers.start_prefect_server() is None, "the variable names one now"
    servers.wait_for_prefect(None)
    server.end()
    assert (folder / "notes").read_text() == "prefect begins\nprefect ends\n" or sys.platform == "win32"


def test_a_prefect_server_that_ends_while_it_starts_is_told_at_once_with_its_log(folder, monkeypatch):
    monkeypatch.setattr(servers, "prefect_command", lambda host, port: ENDS)
    server = servers.start_prefect_server()
    assert server is not None
    with pytest.raises(ConfigurationError, match=r"prefect\.log\) ended with exit code 5"):
        servers.wait_for_prefect(server)
    server.end()


def test_another_server_that_took_the_port_first_is_not_mistaken_for_the_prefect_server(folder, monkeypatch):
    port = servers.free_port()
    other = subprocess.Popen([*TINY, "other", str(port), "notes"])
    try:
        wait_for_server(f"http://127.0.0.1:{port}", "the other server", 20, other)
        monkeypatch.setattr(servers, "free_port", lambda: port)
        slow = [sys.executable, "-c", "import time; time.sleep(60)"]
        monkeypatch.setattr(servers, "prefect_command", lambda host, port: slow)
        server = servers.start_prefect_server()
        assert server is not None
        with pytest.raises(ConfigurationError, match=f"another program took port {port} .* the same command again"):
            servers.wait_for_prefect(server)
        server.end()
    finally:
        other.terminate()
        other.wait()


@pytest.mark.parametrize("victim", ["server", "supervisor"])
def test_a_prefect_server_that_is_killed_is_started_again_on_its_port(folder, monkeypatch, victim):
    monkeypatch.setattr(servers, "prefect_command", lambda host, port: [*TINY, "prefect", str(port), "notes"])
    server = servers.start_prefect_server()
    assert server is not None
    servers.wait_for_prefect(server)
    first = server.process
    (psutil.Process(first.pid).children()[0] if victim == "server" else first).kill()
    wait_until(lambda: server.process is not first)
    wait_for_server(os.environ["PREFECT_API_URL"], "the server", 20)
    server.end()
    wait_until(lambda: health_problem(f"http://127.0.0.1:{server.port}"))
    assert (folder / "notes").read_text().count("prefect begins\n") == 2


def test_a_prefect_server_that_ends_again_and_again_is_given_up_with_its_log(folder, monkeypatch, capsys):
    monkeypatch.setattr(servers, "prefect_command", lambda host, port: ENDS)
    server = servers.start_prefect_server()
    assert server is not None
    server.restart()
    said = capsys.readouterr().err.splitlines()
    assert said[:-1] == ["Prefect's server ended (5); started again"] * 2
    assert said[-1] == f"Prefect's server does not keep running; {folder / 'mlruns' / 'prefect.log'} says why"
    server.end()


def test_no_two_servers_on_a_store_use_one_database(folder):
    (folder / "mlruns").mkdir()
    name = "PREFECT_API_DATABASE_CONNECTION_URL"
    with FileLock(folder / "mlruns" / "prefect.lock"):
        assert servers.own_database()[name].endswith("/mlruns/prefect/prefect-1.db")
        with FileLock(folder / "mlruns" / "prefect-1.lock"):
            assert servers.own_database()[name].endswith("/mlruns/prefect/prefect-2.db")
    assert servers.own_database() == {}


def test_a_store_where_no_lock_can_be_made_is_told(folder):
    (folder / "mlruns").write_text("a file, not a folder")
    with pytest.raises(ConfigurationError, match=r"^store: .*mlruns can't be"):
        servers.own_database()
    with pytest.raises(ConfigurationError, match=r"^store: .*mlruns can't be"):
        servers.make_store_folder()


def test_mlflows_pages_are_served_on_a_store(folder, monkeypatch):
    monkeypatch.setattr(servers, "mlflow_command", lambda host, port: [*TINY, "mlflow", str(port), "notes"])
    server = servers.start_ui("sqlite:///a.db", servers.free_port())
    with server:
        assert (folder / "notes").read_text() == "mlflow begins\n"
        server.communicate()


def test_mlflows_pages_are_served_from_a_folder_that_can_not_be_written(folder, monkeypatch, tmp_path_factory):
    (folder / "mlruns").mkdir()
    monkeypatch.setattr(servers, "mlflow_command", lambda host, port: [*TINY, "mlflow", str(port), str(notes)])
    notes = tmp_path_factory.mktemp("elsewhere") / "notes"
    if subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True).returncode:
        pytest.skip("this user can't mount a file system")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        monkeypatch.chdir(folder)  # into the file system that was mounted
        with servers.start_ui("sqlite:///a.db", servers.free_port()) as server:
            assert notes.read_text() == "mlflow begins\n"
            server.communicate()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_commands_of_the_servers_name_the_host_and_the_port_and_no_store_whose_password_others_could_read(folder):
    mlflow = servers.mlflow_command("127.0.0.1", 5001)
    prefect = servers.prefect_command("0.0.0.0", 4201)
    assert mlflow[mlflow.index("--artifacts-destination") + 1] == os.path.join(os.getcwd(), "mlruns", "artifacts")
    for command, host, port in ((mlflow, "127.0.0.1", "5001"), (prefect, "0.0.0.0", "4201")):
        assert command[command.index("--host") + 1] == host
        assert command[command.index("--port") + 1] == port
