"""Questions to servers, asked once and with little patience."""

import json
import ssl
from typing import Any, Dict, Mapping, Optional

import certifi
import urllib3
from podtune.errors import BadInput, TryAgainLater

TIMEOUT = urllib3.Timeout(connect=4, read=6)


def ask(url: str, headers: Mapping[str, str], ca_file: str = "") -> Any:
    """The answer to a GET, whatever its status; BadInput or TryAgainLater where there is none."""
    pool = urllib3.PoolManager(ca_certs=ca_file or certifi.where())
    try:
        return pool.request("GET", url, headers=dict(headers), timeout=TIMEOUT, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(url, error) from error


def unreachable(url: str, error: Exception) -> Exception:
    """Why there is no answer."""
    if isinstance(error, urllib3.exceptions.SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError):
        return BadInput(f"{url} has a certificate that is not trusted; name its authority's file")
    return TryAgainLater(f"{url} cannot be reached ({type(error).__name__}); correct the address, or try again later")


def json_of(answer: Any) -> Optional[Dict[str, Any]]:
    """The object in an answer; None where it holds something else, such as a page to log in."""
    try:
        found = json.loads(answer.data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
