"""The health of a server: whether it answers, and the wait until it does."""

import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from flows.errors import ConfigurationError
from flows.platform.proxies import proxy_for

REQUEST_SECONDS = 5.0


def health_problem(server: str) -> str | None:
    """Reason why a server does not answer at ``/health``; None if it does, even if it asks for a login.

    Loopback addresses and those in ``no_proxy`` are asked directly, others through the proxy if one is set; the problem
    then names the proxy.
    """
    import httpx  # takes a fifth of a second, which `mlp --help` need not wait for

    through = ""
    try:
        check_address(server)
        if proxy := proxy_for(server):
            through = f", through the proxy {without_login(proxy)}"
        answer = httpx.get(
            f"{server.rstrip('/')}/health",
            proxy=proxy,
            trust_env=False,  # the proxy is chosen above
            verify=ssl.create_default_context() if server.startswith("https") else False,  # the system's certificates
            follow_redirects=True,
            timeout=REQUEST_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return f"{error or type(error).__name__}{through}"
    if answer.is_success or answer.status_code == httpx.codes.UNAUTHORIZED:
        return None
    return f"HTTP Error {answer.status_code}: {answer.reason_phrase}{through}"


def check_address(server: str) -> None:
    """Raise a ValueError if something is no address of a server."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or parts.port == 0 or re.search(r"\s", server):
        raise ValueError("not an address that begins with http:// or https://")
    if not parts.hostname:
        raise ValueError("no host given")


def wait_for_server(
    server: str,
    name: str,
    seconds: float,
    process: subprocess.Popen[bytes] | None = None,
    say: Callable[[str], object] | None = None,
) -> None:
    """Return when a server answers.

    Parameters
    ----------
    server : str
        Its address, without ``/health``.
    name : str
        Its name in messages.
    seconds : float
        Limit of the wait, in seconds.
    process : Popen, optional
        The process that runs the server: if it ends, so does the wait.
    say : callable, optional
        Called with a line after two seconds; by default the line goes to standard error.

    Raises
    ------
    ConfigurationError
        If the address is none, the server does not answer in time, or its process ends.
    """
    try:
        check_address(server)
    except ValueError as error:
        raise ConfigurationError(
            f"{name}: {without_login(server)} given ({error}); allowed: an address of a server"
        ) from None
    begun, told = time.monotonic(), False
    while True:
        problem = health_problem(server)
        if process and process.poll() is not None:  # what answers then is another one
            raise ConfigurationError(f"{name} ended with exit code {process.returncode} while it started")
        if problem is None:
            return
        waited = time.monotonic() - begun
        if waited > seconds:
            raise ConfigurationError(f"{name}: no answer from {without_login(server)} within {seconds:g} s ({problem})")
        if waited > 2 and not told:
            told = True
            (say or print_line)(f"Waiting for {name} at {without_login(server)} …")
        time.sleep(0.1)


def print_line(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)


def without_login(address: str) -> str:
    """An address, or the argument of a command that holds one, without the name and the passwords in it."""
    # A database's password may hold any sign, `/` too, and may stand among the options instead: ?password=…
    bare = re.sub(r"((?:^|=)(?!http|sqlite|tcp)[\w+.-]+://)\S*@", r"\1", address)
    bare = re.sub(r"((?:^|=)(?:[\w+.-]+://)?)[^/]*@", r"\1", bare)
    return re.sub(r"(\w*(?:password|passwd|pwd)=)[^&\s]*", r"\1…", bare, flags=re.IGNORECASE)
