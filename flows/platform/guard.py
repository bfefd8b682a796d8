"""A guard of Prefect's server against pages of other sites, which a browser on this machine may show.

Without it any such page could use the API with the rights of the person who looks at it. MLflow's server has its own.
"""

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flows.platform.proxies import LOOPBACK, is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def server_names(host: str) -> list[str]:
    """Names by which a server at an address is reached."""
    if is_loopback(host):
        return list(LOOPBACK)
    return list(dict.fromkeys([*LOOPBACK, host, socket.gethostname(), socket.getfqdn()]))


def refusal(headers: dict[str, str], navigates: bool, names: list[str]) -> str | None:
    """Reason to refuse a request; None if it comes from a page of the server, from a program or by a followed link.

    Parameters
    ----------
    headers : dict
        The request's headers, their names in lower case.
    navigates : bool
        True if the request can only show a page, as a link does.
    names : list of str
        Names of the server, see `server_names`. Addresses of numbers are names, too: no other site can have them.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    if not is_name(host, names):
        return f"Host: {host!r} given; allowed: a name of this server"
    if origin is not None and urlsplit(origin).netloc != host:  # "null" has none
        return f"Origin: {origin!r} given; allowed: pages of this server"
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not navigates:
        return "Sec-Fetch-Site: another site given; allowed: pages of this server"
    return None


def is_name(host: str, names: list[str]) -> bool:
    """Return whether a Host header has a name of the server or an address of numbers."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in {known.lower() for known in names} or bool(ip_address(name))
    except ValueError:
        return False


def guarded(app: App, names: list[str]) -> App:
    """An ASGI application that answers foreign requests with 403, and hands all others on."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        navigates = scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate"
        reason = refusal(headers, navigates, names)
        if reason is None:
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: uvicorn answers 403
        else:
            plain = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": plain})
            await send({"type": "http.response.body", "body": reason.encode()})

    return guard
