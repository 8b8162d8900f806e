"""Where an input may lie, and how its place is written down."""

import re
from ipaddress import ip_address
from typing import Optional
from urllib.parse import urlsplit, urlunsplit

REVISION = re.compile(r"[0-9a-f]{40}")
"""A commit on the Hub, which never changes."""

SHA256 = re.compile(r"[0-9a-f]{64}")

LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
"""An SPDX identifier in lower case, or what the Hub knows beside them, such as other."""

PATH_FORM = "a path"
_FORMS = {
    "": PATH_FORM,
    "https": "https://…",
    "s3": "s3://bucket/prefix",
    "hf": "hf://owner/name or hf://datasets/owner/name",
    "sample": "sample://…",
}


def scheme_of(uri: str) -> str:
    """What stands before ://; empty for a path."""
    return uri.partition("://")[0] if "://" in uri else ""


def is_loopback(uri: str) -> bool:
    """Whether the URI's host is this machine."""
    host = urlsplit(uri).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_secrets(uri: str) -> str:
    """The URI as it may be shown and recorded: without user, password, query and fragment.

    A sample's query says what is made, so it stays.
    """
    if scheme_of(uri) in ("", "sample"):
        return uri
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def mistake_in(uri: str, allowed: str) -> Optional[str]:
    """What is wrong with a place an input is to be read from; None where nothing is.

    `allowed` names schemes, separated by spaces; a path is always allowed.
    """
    scheme = scheme_of(uri)
    shown = without_secrets(uri)
    if not uri or (scheme not in allowed.split() and scheme not in ("", "http")):
        forms = [_FORMS[name] for name in ("", *allowed.split())]
        return f"must be {', '.join(forms[:-1])} or {forms[-1]}; got {shown!r}"
    if scheme == "http" and ("https" not in allowed.split() or not is_loopback(uri)):
        return f"must not be read over unprotected http://; got {shown!r}"
    if scheme and "@" in urlsplit(uri).netloc:
        return f"must not carry a user or a password; got them before {shown!r}"
    return _shapeless(uri, scheme)


def _shapeless(uri: str, scheme: str) -> Optional[str]:
    """What a scheme's own form lacks."""
    parts = urlsplit(uri)
    if scheme in ("http", "https", "s3") and not parts.netloc:
        return f"must name a host or bucket; got {without_secrets(uri)!r}"
    if scheme == "hf" and not re.fullmatch(r"hf://(datasets/)?[\w.-]+/[\w.-]+(/[^?#]*)?", uri):
        return f"must be {_FORMS['hf']}; got {without_secrets(uri)!r}"
    return None
