"""A server is recognized as healthy with or without a proxy; for any other the message gives the cause."""

import base64
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import requests

from flows.errors import ConfigurationError
from flows.platform.health import health_problem, wait_for_server, without_login
from flows.platform.proxies import exempt_loopback
from flows.platform.servers import free_port

PROXY_VARIABLES = [
    name for base in ("http", "https", "all", "no") for name in (f"{base}_proxy", f"{base}_PROXY".upper())
]
LOGIN = "ada:p@ss/word"


class Server(HTTPServer):
    """A server that answers with a chosen status and records the requests it receives."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.received.append((self.path, self.headers["Authorization"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def without_proxy_variables(monkeypatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dead_proxy(monkeypatch) -> str:
    """Set a proxy at a port where nothing listens; returns its address."""
    proxy = f"127.0.0.1:{free_port()}"
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://me:secret@{proxy}")
    return f"http://{proxy}"


def test_a_server_that_answers_is_healthy(server):
    assert health_problem(server.address) is None
    assert health_problem(server.address + "/api/") is None
    assert server.received == [("/health", None), ("/api/health", None)]


def test_a_server_that_asks_for_a_login_is_healthy(server):
    server.status = 401
    assert health_problem(server.address) is None


def test_a_server_that_returns_an_error_is_not_healthy(server):
    server.status = 503
    assert health_problem(server.address) == "HTTP Error 503: Service Unavailable"


def test_the_login_in_an_address_is_sent_but_not_shown(server):
    address = server.address.replace("//", "//ada:p%40ss%2Fword@")
    assert health_problem(address) is None
    assert server.received == [("/health", "Basic " + base64.b64encode(LOGIN.encode()).decode())]
    assert without_login(address) == server.address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("http://me:p@ss@host/path", "http://host/path"),
        ("me:secret@proxy:3128", "proxy:3128"),
        ("postgresql+psycopg://me:secret@host/name", "postgresql+psycopg://host/name"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
    ],
)
def test_addresses_are_shown_without_their_login(address, shown):
    assert without_login(address) == shown


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("sqlite:////tmp/a.db", "begins with http"),
        ("file:///etc", "begins with http"),
        ("http://", "host"),
        ("http://[::1", "IPv6"),
        ("http://127.0.0.1:many", "Port"),
        ("http://a b/", "."),
        ("http://127.0.0.1:99999", "Port"),
    ],
)
def test_an_invalid_address_is_reported_without_an_exception(address, problem):
    assert re.search(problem, health_problem(address) or "")


@pytest.mark.parametrize(
    "address", ["garbage", "http://", "http://[", "http://a b", "http://127.0.0.1:99999", "sqlite:///x.db"]
)
def test_what_is_no_address_is_not_waited_for(address, capsys):
    with pytest.raises(ConfigurationError, match=r"^PREFECT_API_URL: .* given \(.*\); allowed: an address"):
        wait_for_server(address, "PREFECT_API_URL", 1000)
    assert capsys.readouterr().err == ""


def test_a_server_that_does_not_speak_http_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with listener.accept()[0] as connection:
                connection.recv(1000)  # a connection that is closed with something unread is reset
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        threading.Thread(target=talk).start()
        problem = health_problem(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert problem == "Server disconnected without sending a response."


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_is_reached_without_the_proxy(server, dead_proxy, host):
    assert health_problem(f"http://{host}:{server.server_port}") is None


def test_an_address_in_no_proxy_is_reached_without_the_proxy(dead_proxy, monkeypatch):
    monkeypatch.setenv("no_proxy", "one.invalid")
    assert "proxy" not in (health_problem("http://one.invalid") or "")
    assert "proxy" in (health_problem("http://other.invalid") or "")


def test_a_proxy_that_fails_is_named_without_its_password(dead_proxy):
    problem = health_problem("http://tracker.invalid:5000") or ""
    assert problem.endswith(f"refused, through the proxy {dead_proxy}")
    assert "secret" not in problem


def test_a_working_proxy_is_used_for_other_machines(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    assert health_problem("http://tracker.invalid:5000") is None
    assert server.received == [("http://tracker.invalid:5000/health", None)]


@pytest.mark.parametrize("exempt", ["", "intranet.example"])
def test_despite_a_proxy_the_clients_of_mlflow_and_prefect_reach_servers_on_this_machine(
    server, dead_proxy, monkeypatch, exempt
):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, exempt)
    with pytest.raises(requests.RequestException):
        requests.get(server.address, timeout=5)
    exempt_loopback()
    assert requests.get(server.address, timeout=5).status_code == 200
    assert httpx.get(server.address, timeout=5).status_code == 200
    assert os.environ["no_proxy"].startswith(exempt)
    before = dict(os.environ)
    exempt_loopback()
    assert os.environ == before


def test_without_a_proxy_no_exemption_is_set():
    exempt_loopback()
    assert "no_proxy" not in os.environ
    assert "NO_PROXY" not in os.environ


def test_a_wait_is_announced_once_after_two_seconds(server):
    server.status = 503
    messages: list[str] = []

    def recover() -> None:
        time.sleep(2.6)
        server.status = 200

    threading.Thread(target=recover).start()
    wait_for_server(server.address, "Prefect's server", 20, say=messages.append)
    assert messages == [f"Waiting for Prefect's server at {server.address} …"]


def test_a_short_wait_is_not_announced(server, capsys):
    wait_for_server(server.address, "MLflow", 20)
    assert capsys.readouterr() == ("", "")


def test_a_wait_that_times_out_names_the_server_and_the_cause():
    address = f"http://me:secret@127.0.0.1:{free_port()}"
    with pytest.raises(
        ConfigurationError, match=r"^MLflow: no answer from http://127.0.0.1:\d+ within 0.2 s \(.*refused"
    ):
        wait_for_server(address, "MLflow", 0.2)


def test_a_wait_ends_when_the_servers_process_ends():
    fails = pytest.raises(ConfigurationError, match=r"^MLflow ended with exit code 3 while it started$")
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process, fails:
        wait_for_server(f"http://127.0.0.1:{free_port()}", "MLflow", 60, process)
