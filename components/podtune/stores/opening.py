"""A store by its URI."""

import re
from pathlib import Path
from typing import Tuple
from urllib.parse import unquote, urlsplit

from podtune.errors import BadInput
from podtune.plain_text import is_path
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.store import Store

_HALF_A_SCHEME = re.compile(r"(s3|gs|minio|file|https?):", re.IGNORECASE)
"""As in s3:/bucket, which would make a directory of that name."""


_ACCESS_POINT = re.compile(
    r"s3://(arn:[\w-]+:s3[\w-]*:[\w-]*:\d*:(?:outpost/[\w-]+/)?accesspoint/[\w.-]+)(/[^?#]*)?(?=[?#]|$)"
)
"""An access point of a bucket's by its ARN, which holds colons and a slash, and a prefix."""

_WANTED = "a store must be a directory, file:///directory or s3://bucket/prefix"


def carries_secrets(uri: str) -> bool:
    """Whether a URI holds a user or password; a slash in a secret key hides the @ that ends it from URL parsers."""
    return bool(re.match(r"[\w.+-]+://[^/?#]*@|s3://[^/]*:", uri)) and not _ACCESS_POINT.match(uri)


def bucket_and_prefix(uri: str) -> Tuple[str, str]:
    """Divide an s3:// URI; an access point stands for its bucket."""
    access_point = _ACCESS_POINT.match(uri)
    bucket, prefix = access_point.groups() if access_point else urlsplit(uri)[1:3]
    return bucket, (prefix or "").strip("/")


def refuse_secrets(uri: str) -> None:
    """Raise BadInput where the URI of a store would show a secret to whoever sees it."""
    if carries_secrets(uri):
        ways = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a pod's identity"
        raise BadInput(f"the URI of a store must not hold a user or password; give them by {ways}")


def open_store(uri: str) -> Store:
    """Open a directory (a path or file:///…) or s3://bucket/prefix; nothing is read or made yet."""
    refuse_secrets(uri)
    given = uri.partition("?")[0]
    if not is_path(unquote(uri)):
        raise BadInput(f"{_WANTED}, without NUL and half characters; got {given!r}")
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise BadInput(f"{_WANTED}; got {given!r}") from error
    if "://" not in uri and uri and not _HALF_A_SCHEME.match(uri):
        return DirectoryStore(Path(uri))
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return DirectoryStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and re.search("[?#]", uri):
        raise BadInput(f"{_WANTED}, without a query or fragment; got one after {re.split('[?#]', uri)[0]!r}")
    if parts.scheme == "s3" and parts.netloc:
        from podtune.stores.s3_store import S3Store

        return S3Store(*bucket_and_prefix(uri))
    raise BadInput(f"{_WANTED}; got {given!r}")
