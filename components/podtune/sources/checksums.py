"""Checksums of files."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from podtune.errors import BadInput
from podtune.formats.sums import sha256_of

_BLOCK = 1 << 20


class Sum(NamedTuple):
    """The checksum that a file must have."""

    digest: str
    """In lower-case hexadecimal."""

    said_by: str
    """Who says so, such as `the recipe`."""

    kind: str = "SHA-256"
    """SHA-256, or `Git id`: the SHA-1 by which Git knows a file's content."""

    def fits(self, path: Path) -> bool:
        """Whether the file exists and has this sum."""
        return path.is_file() and self._of(path) == self.digest

    def check(self, path: Path, shown: str) -> None:
        """Read a file, and refuse it where it has another sum; `shown` is what the user calls it."""
        self.require(self._of(path), shown)

    def require(self, found: str, shown: str) -> None:
        """Refuse a file of another sum than it was found to have."""
        if found != self.digest:
            raise BadInput(f"{shown} has the {self.kind} {found}; {self.said_by} says {self.digest}")

    def _of(self, path: Path) -> str:
        if self.kind == "SHA-256":
            return sha256_of(path)
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(_BLOCK), b""):
                digest.update(block)
        return digest.hexdigest()
