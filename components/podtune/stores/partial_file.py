"""A file on its way into a directory: beside its final name until it is complete, kept if the way is cut."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from glob import escape
from pathlib import Path
from typing import Callable, Iterator, List

from podtune.errors import TryAgainLater, naming
from podtune.formats.sealed import sync


def partial_file(target: Path, source: str) -> Path:
    """Where the copy of `source` to `target` is collected, made empty if need be; copies of other sources go.

    `source` names one content, such as an ETag, so that a copy never continues with another content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    token = hashlib.sha256(source.encode()).hexdigest()[:16]
    partial = target.with_name(f".{target.name}.{token}.partial")
    for other in partials_of(target):
        if other != partial:
            other.unlink()
    partial.touch()
    return partial


def partials_of(target: Path) -> List[Path]:
    """What interrupted copies to `target` left."""
    return sorted(target.parent.glob(f".{escape(target.name)}.{'[0-9a-f]' * 16}.partial"))


def land(partial: Path, target: Path) -> None:
    """Give a complete copy its final name, durably."""
    sync(partial)
    Path(str(partial)).replace(str(target))
    sync(target.parent)


def require_space(target: Path, size: int) -> None:
    """TryAgainLater where the disk of a file has no room for so many bytes more."""
    free = shutil.disk_usage(str(target.parent)).free
    if size > free:
        need = f"it needs {size:,} bytes more, and {free:,} are free"
        raise TryAgainLater(f"no space left to write {target}: {need}; free some and start again")


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file that appears at once; where that fails, what was there stays, and nothing beside it."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with naming(path):
            partial.write_bytes(data)
        partial.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


@contextlib.contextmanager
def locked(directory: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Hold a directory against other processes; while one of them does, call `busy`, then wait for it."""
    descriptor = os.open(str(directory), os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
