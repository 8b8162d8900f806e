"""URIs of inputs: which are allowed, and how they are shown and recorded."""

import posixpath
import re
from ipaddress import ip_address
from typing import Mapping, NamedTuple, Optional
from urllib.parse import quote, urlsplit, urlunsplit

from podtune.stores.opening import carries_secrets

REVISION = re.compile(r"[0-9a-f]{40}")
"""A commit on the Hub, which never changes."""

SHA256 = re.compile(r"[0-9a-f]{64}")

LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
"""An SPDX identifier in lower case, or what the Hub knows beside them, such as other."""

_FORMS = {
    "": "a path",
    "https": "https://host/…",
    "s3": "s3://bucket/prefix",
    "hf": "hf://owner/name or hf://datasets/owner/name",
    "sample": "sample://…",
}
_SHAPES = {
    "http": r"http://[^/?#]+/?.*",
    "https": r"https://[^/?#]+/?.*",
    "s3": r"s3://[^/?#]+(/[^?#]*)?",
    "hf": r"hf://(datasets/[\w.-]+|(?!datasets/)[\w.-]+)/[\w.-]+(/[^?#]*)?",
}
_FILES = {
    "http": r"http://[^/?#]+/[^?#]*[^/?#](\?.*)?",
    "https": r"https://[^/?#]+/[^?#]*[^/?#](\?.*)?",
    "s3": r"s3://[^/?#]+/[^?#]*[^/?#]",
    "hf": r"hf://(datasets/[\w.-]+|(?!datasets/)[\w.-]+)/[\w.-]+/[^?#]*[^/?#]",
}


class FileLocation(NamedTuple):
    """A file, as the source it lies in and its name there."""

    source: str
    name: str


def scheme_of(uri: str) -> str:
    """What stands before ://; empty for a path."""
    return uri.partition("://")[0] if "://" in uri else ""


def without_secrets(uri: str) -> str:
    """The URI as it may be shown and recorded: without user, password, query and fragment.

    A sample's query says what is made, so it stays.
    """
    if scheme_of(uri) in ("", "sample"):
        return uri
    parts = urlsplit(uri)
    shown = f"{scheme_of(uri)}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"{scheme_of(uri)}://…" if carries_secrets(shown) else shown


def file_location(uri: str) -> FileLocation:
    """Divide a file's own URI or absolute path into its source and its name."""
    parts = urlsplit(uri) if scheme_of(uri) else urlsplit("")._replace(path=uri)
    directory, name = posixpath.split(parts.path)
    at_root = parts.scheme and directory == "/"
    return FileLocation(urlunsplit(parts._replace(path="" if at_root else directory)), name)


def file_uri(source: str, name: str) -> str:
    """A file's URI on the web, with whatever query its source has."""
    parts = urlsplit(source)
    path = f"{parts.path.rstrip('/')}/{quote(name, safe='%/~!$&()*+,;=:@')}"
    return urlunsplit(parts._replace(path=path, fragment=""))


def mistake_in_source(uri: str, allowed: str) -> Optional[str]:
    """Say what is wrong with a URI or path of inputs; None where nothing is.

    `allowed` names schemes, separated by spaces; a path is always allowed, and http:// on this machine where
    https:// is.
    """
    return _unknown(uri, allowed) or _unsafe(uri) or _misshapen(uri, _SHAPES)


def mistake_in_file(uri: str, allowed: str) -> Optional[str]:
    """Say what is wrong with a file's own URI or path; None where nothing is."""
    return mistake_in_source(uri, allowed) or _misshapen(uri, _FILES)


def _unknown(uri: str, allowed: str) -> Optional[str]:
    schemes = ["", *allowed.split()]
    if uri and (scheme_of(uri) in schemes or (scheme_of(uri) == "http" and "https" in schemes)):
        return None
    forms = [_FORMS[scheme] for scheme in schemes]
    return f"must be {', '.join(forms[:-1])} or {forms[-1]}; got {without_secrets(uri)!r}"


def _unsafe(uri: str) -> Optional[str]:
    if scheme_of(uri) == "http" and not _is_this_machine(urlsplit(uri).hostname or ""):
        return f"must be https://, because anybody may change what http:// brings; got {without_secrets(uri)!r}"
    if scheme_of(uri) in _SHAPES and carries_secrets(uri):
        return f"must not carry a user or password; got them before {without_secrets(uri)!r}"
    return None


def _misshapen(uri: str, shapes: Mapping[str, str]) -> Optional[str]:
    scheme = scheme_of(uri)
    if re.fullmatch(shapes.get(scheme, ".*"), uri):
        return None
    kind = "a file in " if shapes is _FILES else ""
    return f"must be {kind}{_FORMS.get(scheme, _FORMS['https'])}; got {without_secrets(uri)!r}"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
