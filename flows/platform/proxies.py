"""The proxy between this machine and an address. Loopback addresses have none: the proxy is another machine."""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def proxy_for(address: str) -> str | None:
    """The proxy for an HTTP address; None for loopback addresses and those in ``no_proxy``."""
    parts = urlsplit(address)
    if is_loopback(parts.hostname or "") or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def exempt_loopback() -> None:
    """Add the loopback addresses to ``no_proxy`` if a proxy is set.

    MLflow's and Prefect's clients read it; without it they ask the proxy for servers of this machine.
    """
    if getproxies_environment().keys() - {"no"}:
        exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
        if exempt != "*":
            names = [name.strip() for name in exempt.split(",") if name.strip()]
            os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys([*names, *LOOPBACK]))
