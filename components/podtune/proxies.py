"""Which proxy a URL is asked through, by the environment, as curl takes it: Python's own rules know no networks."""

import base64
import ipaddress
import os
import re
import urllib.request
from typing import Any, Dict, List, NamedTuple, Optional
from urllib.parse import SplitResult, unquote, urlsplit

from podtune.errors import BadInput


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    """With its user and password, which are secrets."""

    variable: str

    @property
    def headers(self) -> Dict[str, str]:
        """The header by which the proxy knows us; empty where it has no user."""
        parts = urlsplit(self.url)
        if not parts.username:
            return {}
        who = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        return {"proxy-authorization": f"Basic {base64.b64encode(who).decode()}"}

    def __str__(self) -> str:
        """Name it in a message, without its user and password."""
        return f"the proxy {_shown(self.url)} ({self.variable})"


def proxy_of(url: str) -> Optional[Proxy]:
    """Return the proxy for a URL; None where it is asked directly. BadInput for one that cannot be used.

    http_proxy, https_proxy, all_proxy and no_proxy, also in capitals. A URL of this machine is asked directly, as Go's
    programs do it too: a proxy elsewhere has another localhost.
    """
    parts, given = urlsplit(url), urllib.request.getproxies()
    if not parts.hostname or _is_here(parts.hostname) or _is_excepted(parts, given.get("no", "")):
        return None
    kind = next((kind for kind in (parts.scheme, "all") if given.get(kind)), None)
    return _proxy(given[kind], f"{kind}_proxy") if kind else None


def proxy_hosts() -> List[str]:
    """Return the hosts of all proxies that the environment names."""
    given = urllib.request.getproxies()
    urls = [_with_scheme(given[kind]) for kind in ("http", "https", "all") if given.get(kind)]
    return [host for host in (urlsplit(url).hostname for url in urls) if host]


def go_through_proxy(configuration: Any, url: str) -> None:
    """Have a client that OpenAPI's generator made, KFP's or Kubernetes', ask through the proxy for a URL."""
    proxy = proxy_of(url)
    if proxy:
        configuration.proxy, configuration.proxy_headers = proxy.url, proxy.headers


def _proxy(value: str, variable: str) -> Proxy:
    name = variable if os.environ.get(variable) else variable.upper()
    url = _with_scheme(value)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(f"{name} must be a proxy such as http://proxy.example.org:3128; got {_shown(url)!r}")
    return Proxy(url, name)


def _with_scheme(value: str) -> str:
    value = value.strip()
    return value if "://" in value else f"http://{value}"


def _shown(url: str) -> str:
    """A proxy's URL without user and password, however it is written."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}".rstrip("/")


def _is_here(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_excepted(parts: SplitResult, listed: str) -> bool:
    """Whether no_proxy has a host: by its name, a domain, its address or network, each also with a port; or by *."""
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return any(_covers(entry, host, port) for entry in re.split(r"[\s,]+", listed.lower()) if entry)


def _covers(entry: str, host: str, port: Optional[int]) -> bool:
    if entry == "*":
        return True
    with_port = re.fullmatch(r"(\[.+\]|[^:]+):(\d+)", entry)
    if with_port:
        entry = with_port[1]
        if int(with_port[2]) != port:
            return False
    address = _address(host)
    if address is not None:
        return _holds(entry.replace("[", "").replace("]", ""), address)
    domain = entry.lstrip("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _address(host: str) -> Any:
    """A host's address, if it is written as one."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _holds(network: str, address: Any) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
