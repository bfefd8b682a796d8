"""Prefect's server answers its own pages and programs, and no page of another site."""

import asyncio
import socket

import pytest

from flows.platform.guard import guarded, server_names

NAMES = ["localhost", "127.0.0.1", "::1", "lab.example"]
OWN, OTHER = "127.0.0.1:4200", "http://evil.example"


def status(headers: dict[str, str], kind: str = "http", method: str = "POST") -> int | str:
    """Status of the answer, or ``passed`` if the application got the request."""
    heard: list[dict] = []

    async def app(scope, receive, send) -> None:
        heard.append({"status": "passed"})

    async def receive() -> dict:
        return {"type": f"{kind}.connect"}

    async def send(message: dict) -> None:
        heard.append(message)

    scope = {
        "type": kind,
        "method": method,
        "headers": [(name.title().encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(guarded(app, NAMES)(scope, receive, send))
    return heard[0].get("status") or heard[0]["type"]


@pytest.mark.parametrize("host", [OWN, "localhost:4200", "LOCALHOST", "[::1]:4200", "lab.example", "192.168.1.7:4200"])
def test_a_program_is_answered_under_every_name_of_the_server(host):
    assert status({"host": host}) == "passed"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4200",
        "",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "evil@localhost@x",
        "[",
        "a:b:c",
    ],
)
def test_a_name_that_was_bound_to_this_machine_by_another_site_is_refused(host):
    assert status({"host": host}) == 403
    assert status({"host": host}, method="GET") == 403


def test_a_request_without_a_host_is_refused():
    assert status({}) == 403


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "http://localhost:4200",
        "http://127.0.0.1:5000",
        "http://127.0.0.1",
        "http://127.0.0.1:4200@x",
        "",
    ],
)
def test_a_page_of_another_origin_is_refused_with_every_method(origin, method):
    assert status({"host": OWN, "origin": origin}, method=method) == 403


def test_the_servers_own_pages_are_answered_behind_encryption_too():
    assert status({"host": OWN, "origin": f"http://{OWN}", "sec-fetch-site": "same-origin"}) == "passed"
    assert status({"host": "lab.example", "origin": "https://lab.example"}) == "passed"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_marks_as_sent_by_another_site_is_refused_but_for_a_link_that_is_followed(site):
    fetched = {"host": OWN, "sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    assert status(fetched, method="GET") == 403
    followed = fetched | {"sec-fetch-mode": "navigate"}
    assert status(followed, method="GET") == "passed"
    assert status(followed, method="POST") == 403, "a form that another site submits"


def test_a_socket_of_another_site_is_closed_before_it_is_accepted():
    assert status({"host": OWN, "origin": OTHER}, "websocket") == "websocket.close"
    assert status({"host": OWN, "origin": f"http://{OWN}"}, "websocket") == "passed"


def test_the_start_and_the_end_of_the_server_pass():
    assert status({}, "lifespan") == "passed"


def test_a_server_of_this_machine_alone_has_no_other_names():
    assert server_names("127.0.0.1") == ["127.0.0.1", "localhost", "::1"]
    assert {"10.0.0.7", "localhost", socket.gethostname(), socket.getfqdn()} <= set(server_names("10.0.0.7"))
