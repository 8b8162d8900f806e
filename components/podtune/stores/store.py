"""Where releases and shared checkpoints live: keys to bytes, with an atomic create and compare-and-swap."""

from pathlib import Path
from typing import Iterator, NamedTuple, Optional, Protocol


class Versioned(NamedTuple):
    """An object's content and the token that names exactly this content of it."""

    data: bytes
    token: str


class Store(Protocol):
    """A directory, or a prefix of an S3 bucket. Keys are relative, with slashes."""

    uri: str

    def read(self, key: str) -> Optional[Versioned]:
        """A small object's content; None where there is none."""

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False, changing nothing, where it does."""

    def replace(self, key: str, data: bytes, token: Optional[str]) -> bool:
        """Write an object if its content is still the one `token` names (None: there is none); else False."""

    def size(self, key: str) -> Optional[int]:
        """An object's bytes; None where there is none."""

    def upload(self, source: Path, key: str) -> None:
        """Copy a file into the store; a reader sees all of it or none."""

    def download(self, key: str, target: Path) -> None:
        """Copy an object into `target`, continuing where an interrupted copy to the same place ended."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, sorted."""

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
