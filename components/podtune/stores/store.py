"""Where releases and shared checkpoints live: keys to bytes, with an atomic create."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional, Protocol

from podtune.formats.sealed import FileEntry

PROBE = "conditional-writes"
"""The object on which conditional creates are tried; it may stay."""

Advance = Callable[[int], object]
"""Called with the number of bytes just transferred, such as a progress bar's `update`."""


def unwatched(count: int) -> None:  # an Advance
    """Report no progress."""


@dataclass(frozen=True)
class Stored:
    """An object, as a listing shows it."""

    key: str
    size: int
    modified: float
    """When it was written, in seconds since 1970 by the store's clock."""


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

    def is_whole(self, key: str, entry: FileEntry, source: Optional[Path] = None) -> bool:
        """Whether an object holds what `entry` says, found by reading it.

        A large one is not read where the store's own checksum of it is that of `source`, a copy on this machine.
        """

    def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
        """Copy a file into the store; a reader sees all of it or none."""

    def download(self, key: str, target: Path, advance: Advance = unwatched) -> None:
        """Copy an object to `target`, which appears when it is complete.

        An interrupted copy is continued by the next call for the same target, if the object is still the same.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, sorted."""

    def listing(self, prefix: str) -> Iterator[Stored]:
        """Every object whose key starts with `prefix`, sorted by key."""

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
