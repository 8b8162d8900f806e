"""Where releases and shared checkpoints live: keys to bytes, with an atomic create."""

import re
from pathlib import Path
from typing import Callable, Iterator, Optional, Protocol
from urllib.parse import unquote, urlsplit

from podtune.errors import BadInput

Advance = Callable[[int], object]
"""Called with the bytes that have just been moved; a progress bar's `update` will do."""


def unwatched(count: int) -> None:  # an Advance
    """Show nobody how far a copy is."""


class Store(Protocol):
    """A directory, or a prefix of an S3 bucket. Keys are relative, with slashes.

    Every method raises BadInput where the store refuses (no bucket, no permission), TryAgainLater where it
    cannot answer now. What a method has written is on the disk or acknowledged when it returns.
    """

    uri: str

    def read(self, key: str) -> Optional[bytes]:
        """A small object's content; None where there is none."""

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False, changing nothing, where it does.

        Write something unique, such as a nonce: after a lost answer only the content tells whose write it was.
        """

    def size(self, key: str) -> Optional[int]:
        """An object's bytes; None where there is none."""

    def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
        """Copy a file into the store; a reader sees all of it or none."""

    def download(self, key: str, target: Path, advance: Advance = unwatched) -> None:
        """Copy an object to `target`, which appears when it is complete.

        An interrupted copy is continued by the next call for the same target, if the object is still the same.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, sorted."""

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""


def carries_secrets(uri: str) -> bool:
    """Whether a URI holds a user or password; a slash in a secret key hides the @ that ends it from URL parsers."""
    return bool(re.match(r"[\w.+-]+://[^/?#]*@|s3://[^/]*:", uri))


def refuse_secrets(uri: str) -> None:
    """Raise BadInput where the URI of a store would show a secret to whoever sees it."""
    if carries_secrets(uri):
        ways = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a pod's identity"
        raise BadInput(f"the URI of a store must not hold a user or password; give them by {ways}")


def open_store(uri: str) -> Store:
    """Open a directory (a path or file:///…) or s3://bucket/prefix; nothing is read or made yet."""
    from podtune.stores.directory_store import DirectoryStore

    refuse_secrets(uri)
    parts = urlsplit(uri)
    if "://" not in uri and uri:
        return DirectoryStore(Path(uri))
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return DirectoryStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        from podtune.stores.s3_store import S3Store

        return S3Store(parts.netloc, parts.path.strip("/"))
    given = uri.partition("?")[0]
    raise BadInput(f"a store must be a directory, file:///directory or s3://bucket/prefix; got {given!r}")
