"""Which machines are asked for a file: those of the public internet, and those that the environment allows.

What counts is the address that is connected to, of every redirect too: a name may lead anywhere.
"""

import contextlib
import http.client
import ipaddress
import socket
import urllib.error
import urllib.request
from typing import Any, Collection, Iterator, List, Union
from urllib.parse import urlsplit

from podtune.environment import PRIVATE_HOSTS
from podtune.errors import BadInput, PodtuneError, TryAgainLater
from podtune.proxies import proxy_hosts, proxy_of

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that end with the IPv4 address that is meant (RFC 6052)."""

_METADATA = ipaddress.ip_address("168.63.129.16")
"""What serves Azure's machines their secrets; other clouds use private addresses."""


def refuse_private(host: str, addresses: Collection[str], allowed: Collection[str]) -> None:
    """BadInput where a host is at an address inside a network, unless its name is in `allowed` or a variable has it."""
    listed = [one.lower() for one in (*allowed, *PRIVATE_HOSTS.value().split())]
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not (_is_public(address) or host.lower() in listed or any(_holds(one, address) for one in listed)):
            where = host if host == text else f"{host}, at {text},"
            cure = f"set {PRIVATE_HOSTS.name}={host} to allow it"
            raise BadInput(f"{where} is inside a network or this machine, where no recipe may look; {cure}")


def opener(allowed: Collection[str], *handlers: Any) -> Any:
    """A urllib opener that connects to public addresses, hosts named in `allowed`, and what the environment allows."""
    known = (*allowed, *proxy_hosts())

    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            _connect_to_one(self, super().connect, known)

    class SecureConnection(http.client.HTTPSConnection, Connection):
        """Its own connect() takes Connection's, before the handshake."""

    class Handler(urllib.request.HTTPHandler):
        def http_open(self, request: Any) -> Any:
            return self.do_open(Connection, request)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, request: Any) -> Any:
            return self.do_open(SecureConnection, request)

    class Named(urllib.request.BaseHandler):
        """What a proxy connects to is not seen here, but what it is told to is."""

        def https_request(self, request: urllib.request.Request) -> urllib.request.Request:
            host = urlsplit(request.full_url).hostname or ""
            refuse_private(host, [host] if _is_address(host) else [], known)
            return request

        http_request = https_request

    return urllib.request.build_opener(_Proxied(), Handler, SecureHandler, Named, *handlers)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """For `opener`: what follows a redirect is another host, which must not see what was sent, and a GET."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@contextlib.contextmanager
def asking(whom: str) -> Iterator[None]:
    """Turn the trouble of asking by `opener` into TryAgainLater or PodtuneError, which show nothing of the URL.

    HTTPError, an answer, goes on to who knows what it means.
    """
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        said = (cause.strerror or type(cause).__name__) if isinstance(cause, OSError) else "no answer"
        raise TryAgainLater(f"{whom} cannot be reached: {said}") from None
    except (http.client.HTTPException, ValueError) as error:  # which may quote the URL
        raise PodtuneError(f"{whom} cannot be asked: {type(error).__name__}") from None


class _Proxied(urllib.request.ProxyHandler):
    """Through the proxy for its URL, or through none: decided for each request, also of a redirect."""

    def __init__(self) -> None:
        super().__init__({})

    def https_open(self, request: urllib.request.Request) -> Any:
        proxy = proxy_of(request.full_url)
        if proxy is None:
            request.remove_header("Proxy-authorization")  # which urllib copies into what follows a redirect
            return None
        if not proxy.url.startswith("http://"):
            raise BadInput(f"{proxy} must begin with http://, for a download or a message")
        return self.proxy_open(request, proxy.url, "http")

    http_open = https_open


def _connect_to_one(connection: http.client.HTTPConnection, connect: Any, allowed: Collection[str]) -> None:
    """Connect to the first of a host's addresses that answers, all of which were looked at."""
    host = connection.host
    addresses = _addresses(host, connection.port)
    refuse_private(host, addresses, allowed)
    for number, address in enumerate(addresses, start=1):
        connection.host = address
        try:
            return connect()  # type: ignore[no-any-return]  # nothing
        except OSError:
            if number == len(addresses):
                raise
        finally:
            connection.host = host


def _addresses(host: str, port: int) -> List[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved and address != _METADATA


def _holds(listed: str, address: Address) -> bool:
    """Whether a network or an address that somebody listed, which may be a name, holds an address."""
    try:
        return address in ipaddress.ip_network(listed, strict=False)
    except ValueError:
        return False
