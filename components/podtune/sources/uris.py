"""URIs of inputs: which are allowed, and how they are shown and recorded."""

import itertools
import re
from ipaddress import ip_address
from typing import Collection, Iterator, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import quote, urlsplit, urlunsplit

from podtune.environment import SIGNED
from podtune.plain_text import is_path
from podtune.stores.opening import carries_secrets

_REVISION = re.compile(r"[0-9a-f]{40}")
"""A commit on the Hub, which never changes."""

_SHA256 = re.compile(r"[0-9a-f]{64}")

_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
"""An SPDX identifier in lower case, or what the Hub knows beside them, such as other."""


class _Scheme(NamedTuple):
    """How the URIs of a scheme look."""

    form: str
    """As messages show it."""

    source: str = ".*"
    """A regular expression for what holds files."""

    file: str = ".*"
    """A regular expression for a file's own URI."""


_HUB = r"hf://(datasets/[\w.-]+|(?!datasets/)[\w.-]+)/[\w.-]+"
_WEB = _Scheme("https://host/…", r"https?://[^/?#]+(/[^?#]*)?", r"https?://[^/?#]+/[^?#]*[^/?#]")
_SCHEMES = {
    "": _Scheme("a path"),
    "http": _WEB,
    "https": _WEB,
    "s3": _Scheme("s3://bucket/prefix", r"s3://[^/?#]+(/[^?#]*)?", r"s3://[^/?#]+/[^?#]*[^/?#]"),
    "hf": _Scheme("hf://owner/name or hf://datasets/owner/name", _HUB + r"(/[^?#]*)?", _HUB + r"/[^?#]*[^/?#]"),
    "sample": _Scheme("sample://…"),
}


class FileLocation(NamedTuple):
    """A file, as the source it lies in and its name there."""

    source: str
    name: str


def scheme_of(uri: str) -> str:
    """What stands before ://; empty for a path."""
    return uri.partition("://")[0] if "://" in uri else ""


def hub_name(uri: str) -> str:
    """The repository of an hf:// URI, such as rajpurkar/squad; empty for other URIs."""
    return "/".join(uri.replace("datasets/", "", 1).split("/")[2:4]) if scheme_of(uri) == "hf" else ""


def without_secrets(uri: str) -> str:
    """The URI as it may be shown and recorded: without user, password, query and fragment.

    A sample's query says what is made, so it stays.
    """
    if scheme_of(uri) in ("", "sample"):
        return uri
    if _unsplittable(uri):
        return f"{scheme_of(uri)}://…"
    parts = urlsplit(uri)
    shown = f"{scheme_of(uri)}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"{scheme_of(uri)}://…" if carries_secrets(shown) else shown


def is_pattern(name: str) -> bool:
    """Whether it may stand for several files, as *.parquet does."""
    return any(character in name for character in "*?[")


def fixed_folder(name: str) -> str:
    """The folder of a name, up to where a pattern begins, with a slash; empty where it is in none."""
    parts = name.split("/")[:-1]
    fixed = itertools.takewhile(lambda part: not is_pattern(part), parts)
    return "".join(f"{part}/" for part in fixed)


def file_location(uri: str) -> FileLocation:
    """Divide the own URI or absolute path of a file, a folder or a pattern into its source and its name."""
    is_uri = scheme_of(uri) and not _unsplittable(uri)
    parts = urlsplit(uri) if is_uri else urlsplit("")._replace(path=uri)
    directory = fixed_folder(parts.path.rstrip("/")).rstrip("/") or "/"
    name = parts.path[len(directory) :].lstrip("/")
    at_root = parts.scheme and directory == "/"
    return FileLocation(urlunsplit(parts._replace(path="" if at_root else directory)), name)


def file_uri(source: str, name: str) -> str:
    """A file's URI on the web."""
    parts = urlsplit(source)
    path = f"{parts.path.rstrip('/')}/{quote(name, safe='%/~!$&()*+,;=:@')}"
    return urlunsplit(parts._replace(path=path))


def shown_location(at: FileLocation) -> str:
    """A file's path or URI as it may be shown and recorded."""
    return f"{without_secrets(at.source).rstrip('/')}/{at.name}"


def mistakes_in_origin(
    licence: str, revision: str, sums: Mapping[str, str], sources: Collection[str]
) -> Iterator[Tuple[str, str]]:
    """Check what a recipe says of its sources, as (key, what is wrong); `sums` are checksums by key."""
    if licence and not _LICENCE.fullmatch(licence):
        yield "licence", f"must be an SPDX identifier in lower case, or other; got {licence!r}"
    on_hub = "hf" in map(scheme_of, sources)
    if on_hub and not _REVISION.fullmatch(revision):
        yield "revision", f"must be a commit of 40 hexadecimal digits for hf://; got {revision!r}"
    if not on_hub and revision:
        yield "revision", f"must be left out unless the source is on hf://; got {revision!r}"
    for key, digest in sums.items():
        if not _SHA256.fullmatch(digest):
            yield key, f"must be 64 lower-case hexadecimal digits; got {digest!r}"


def mistake_in_source(uri: str, allowed: str) -> Optional[str]:
    """Say what is wrong with a URI or path of inputs; None where nothing is.

    `allowed` names schemes, separated by spaces; a path is always allowed, and http:// on this machine where
    https:// is.
    """
    return _unsplittable(uri) or _unknown(uri, allowed) or _unsafe(uri) or _misshapen(uri, _scheme(uri).source, "")


def mistake_in_file(uri: str, allowed: str) -> Optional[str]:
    """Say what is wrong with a file's own URI or path; None where nothing is."""
    return mistake_in_source(uri, allowed) or _misshapen(uri, _scheme(uri).file, "a file in ")


def mistake_in_files(uri: str, allowed: str) -> Optional[str]:
    """Say what is wrong with the own URI or path of a file, a folder or a pattern; None where nothing is."""
    folder = uri.endswith("/") and scheme_of(uri) in ("", "s3", "hf")
    return mistake_in_file(uri[:-1] if folder and len(uri) > 1 else uri, allowed)


def _unknown(uri: str, allowed: str) -> Optional[str]:
    schemes = ["", *allowed.split()]
    if uri and (scheme_of(uri) in schemes or (scheme_of(uri) == "http" and "https" in schemes)):
        return None
    forms = [_SCHEMES[scheme].form for scheme in schemes]
    return f"must be {', '.join(forms[:-1])} or {forms[-1]}; got {without_secrets(uri)!r}"


def _unsplittable(uri: str) -> Optional[str]:
    if not is_path(uri):
        return "must be without NUL and half characters"
    try:
        urlsplit(uri)
    except ValueError as error:
        return f"is no URI: {error}"
    return None


def _unsafe(uri: str) -> Optional[str]:
    if scheme_of(uri) == "http" and not _is_this_machine(urlsplit(uri).hostname or ""):
        return f"must be https://, because anybody may change what http:// brings; got {without_secrets(uri)!r}"
    if carries_secrets(uri):
        return f"must not carry a user or password; got them before {without_secrets(uri)!r}"
    return mistake_in_query(uri)


def mistake_in_query(uri: str) -> Optional[str]:
    """Say that what lies on the web must be named without a query, which may be a signature; None where it is."""
    named = re.split(r"[?#]", without_secrets(uri))[0]
    if scheme_of(uri) not in ("http", "https") or not re.search(r"[?#]", uri):
        return None
    cure = f"set {SIGNED.name} to the whole URL where the server needs it"
    return f"must end before its query, which would be published with the model; {cure}; got one after {named!r}"


def _misshapen(uri: str, shape: str, kind: str) -> Optional[str]:
    if re.fullmatch(shape, uri):
        return None
    return f"must be {kind}{_scheme(uri).form}; got {without_secrets(uri)!r}"


def _scheme(uri: str) -> _Scheme:
    return _SCHEMES[scheme_of(uri)]


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
