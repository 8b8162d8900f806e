"""A store in a directory: the default, and what tests use."""

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from pathlib import Path
from typing import Iterator, Optional

from podtune.errors import BadInput, naming
from podtune.formats.sealed import FileEntry, sync
from podtune.formats.sums import sha256_of
from podtune.stores.partial_file import land, partial_file
from podtune.stores.store import Advance, Stored, unwatched

INCOMING = ".incoming"
"""Files that are being written, on the same file system as where they go."""

_BLOCK = 1 << 20

_ABANDONED_SECONDS = 600.0
"""Without a write, after which a file that nobody holds has been left behind."""


class DirectoryStore:
    """Keys are paths below one directory; any number of processes and threads may use it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.uri = str(self._root)
        if self._root.exists() and not self._root.is_dir():
            raise BadInput(f"a store must be a directory; {self._root} is a file")

    def read(self, key: str) -> Optional[bytes]:
        """A file's content."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def create(self, key: str, data: bytes) -> bool:
        """Write a new file and give it its name by a hard link, which fails where the name is taken."""
        path = self._path(key)
        with self._draft() as draft:
            draft.write_bytes(data)
            sync(draft)
            self._make_directory(path.parent)
            try:
                os.link(str(draft), str(path))
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
                    raise BadInput(f"the file system of {self.uri} has no hard links; use another store") from error
                raise
            sync(path.parent)
        return True

    def size(self, key: str) -> Optional[int]:
        """A file's bytes."""
        path = self._path(key)
        with contextlib.suppress(FileNotFoundError):  # deleted at this moment
            return path.stat().st_size if path.is_file() else None
        return None

    def is_whole(self, key: str, entry: FileEntry, source: Optional[Path] = None) -> bool:  # noqa: ARG002  # reads all
        """Whether a file is what it should be."""
        with contextlib.suppress(FileNotFoundError):  # deleted at this moment
            return self.size(key) == entry.size and sha256_of(self._path(key)) == entry.sha256
        return False

    def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
        """Copy a file in and rename it into place."""
        path = self._path(key)
        with self._draft() as draft:
            _append(source, draft, advance)
            self._make_directory(path.parent)
            try:
                land(draft, path)
            except IsADirectoryError as error:
                raise BadInput(f"cannot write {path}: a directory is in its way; move it away") from error

    def download(self, key: str, target: Path, advance: Advance = unwatched) -> None:
        """Copy a file out, continuing an interrupted copy of the same file."""
        source = self._path(key)
        try:
            status = source.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise BadInput(f"there is no {key} in {self.uri}") from error
        if not source.is_file():
            raise BadInput(f"there is no {key} in {self.uri}")
        partial = partial_file(target, f"{status.st_ino} {status.st_size} {status.st_mtime_ns}")
        with naming(target):
            advance(partial.stat().st_size)
            _append(source, partial, advance)
            land(partial, target)

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, sorted."""
        start = self._root / prefix.rpartition("/")[0]
        found = (path.relative_to(self._root).as_posix() for path in start.rglob("*") if path.is_file())
        return iter(sorted(key for key in found if key.startswith(prefix) and not key.startswith(INCOMING)))

    def listing(self, prefix: str) -> Iterator[Stored]:
        """Every file whose key starts with `prefix`, sorted by key."""
        for key in self.keys(prefix):
            with contextlib.suppress(FileNotFoundError):  # deleted at this moment
                status = self._path(key).stat()
                yield Stored(key, status.st_size, status.st_mtime)

    def delete(self, key: str) -> None:
        """Remove a file."""
        path = self._path(key)
        if path.is_file():
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                sync(path.parent)

    def _path(self, key: str) -> Path:
        if key.startswith(".") or "\0" in key or {"", ".", ".."}.intersection(key.split("/")):
            raise BadInput(f"a key must be a relative path that does not start with a dot; got {key!r}")
        return self._root / key

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        """A new file in the store's own file system; it is gone afterwards unless it was renamed."""
        with naming(self._root):
            self._make_directory(self._root / INCOMING)
            _sweep(self._root / INCOMING)
            descriptor, name = tempfile.mkstemp(dir=str(self._root / INCOMING))
            os.fchmod(descriptor, 0o644)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield Path(name)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    Path(name).unlink()
                os.close(descriptor)

    def _make_directory(self, path: Path) -> None:
        """Make a directory and those above it, so that they survive a power cut."""
        if path.is_dir():
            return
        if path != self._root:
            self._make_directory(path.parent)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise BadInput(f"cannot make {path}: a file is in its way; choose another store") from error
        sync(path.parent)


def _sweep(incoming: Path) -> None:
    """Delete what killed processes left; who writes holds a lock on its file, and renews its time."""
    for path in incoming.iterdir():
        with contextlib.suppress(OSError), path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _append(source: Path, target: Path, advance: Advance) -> None:
    """Append to `target` what it lacks of `source`."""
    with open(str(source), "rb") as reading, open(str(target), "ab") as writing:
        reading.seek(writing.tell())
        for block in iter(lambda: reading.read(_BLOCK), b""):
            writing.write(block)
            advance(len(block))
