"""Directories in the making, beside what they become; what killed processes left there goes with the next one."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from glob import escape
from pathlib import Path
from typing import Iterator, Tuple

_PARTIAL, _OLD = ".partial", ".old"


@contextlib.contextmanager
def draft_beside(path: Path) -> Iterator[Path]:
    """A new directory beside `path`, which this process holds; it is gone afterwards unless it was renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    draft, descriptor = _held_directory(path, _PARTIAL)
    try:
        yield draft
    finally:
        shutil.rmtree(str(draft), ignore_errors=True)
        os.close(descriptor)


def replace_by(draft: Path, path: Path) -> None:
    """Give a draft its name; what had it is moved aside, and deleted once its successor is there."""
    if not path.exists():
        draft.rename(path)
        return
    old, descriptor = _held_directory(path, _OLD)
    try:
        path.rename(old / path.name)
        draft.rename(path)
        shutil.rmtree(str(old), ignore_errors=True)
    finally:
        os.close(descriptor)


def _held_directory(path: Path, kind: str) -> Tuple[Path, int]:
    """A new directory with a lock on it, by which others see that its process lives."""
    while True:
        made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=kind, dir=str(path.parent)))
        with contextlib.suppress(FileNotFoundError):  # another process took it for one that was left
            descriptor = os.open(str(made), os.O_RDONLY)
            with contextlib.suppress(OSError):  # a file system without locks, on which nobody sweeps
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if made.exists():
                return made, descriptor
            os.close(descriptor)


def _sweep(path: Path) -> None:
    """Delete drafts of `path` that nobody holds, and what was moved aside for them."""
    for left in path.parent.glob(f".{escape(path.name)}.{'?' * 8}.*"):
        if left.suffix in (_PARTIAL, _OLD):
            with contextlib.suppress(OSError):
                _delete_unless_held(left)


def _delete_unless_held(left: Path) -> None:
    descriptor = os.open(str(left), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(str(left), ignore_errors=True)
    finally:
        os.close(descriptor)
