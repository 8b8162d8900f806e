"""One JSON POST, to an address that is a secret: no error shows more of it than its host."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

from podtune import __version__
from podtune.environment import NOTIFY_URL
from podtune.errors import BadInput, PodtuneError, TryAgainLater, is_passing
from podtune.sources.reachable import NoRedirects, asking, opener

_SECONDS = 10.0
"""For the connection and for the answer."""

_PAUSE = 2.0


def post(url: str, message: Mapping[str, Any]) -> None:
    """Send a message, again after a trouble that passes; PodtuneError if it did not arrive."""
    host = _host(url)
    try:
        _send(url, host, message)
    except TryAgainLater:
        time.sleep(_PAUSE)
        _send(url, host, message)


def _host(url: str) -> str:
    """The URL's host, which whoever made the secret allows, inside a network too."""
    try:
        parts = urlsplit(url)
        host: Optional[str] = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        wanted = "a https:// or http:// URL without user and password"
        raise BadInput(f"{NOTIFY_URL.name} must be {wanted}; it is a secret, so that what it is is not shown")
    return host


def _send(url: str, host: str, message: Mapping[str, Any]) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": f"podtune/{__version__}"}
    whom = f"the webhook at {host}"
    try:
        with asking(whom):
            data = json.dumps(message, allow_nan=False).encode()
            request = urllib.request.Request(url, data, headers, method="POST")  # noqa: S310  # _host saw the scheme
            opener([host], NoRedirects).open(request, timeout=_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()
        kind = TryAgainLater if is_passing(error.code) else PodtuneError
        raise kind(f"{whom} answered {error.code}") from None
