"""Directories in the making, beside what they become; what killed processes left there goes with the next one."""

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import sys
import tempfile
from glob import escape
from pathlib import Path
from typing import Iterator, Tuple

_PARTIAL, _OLD = ".partial", ".old"
_HERE, _RENAME_EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux's <fcntl.h>."""


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
    """Give a draft its name; what had it goes once its successor is there, in the draft's place where that can be."""
    if not path.exists():
        draft.rename(path)
    elif not _exchange(draft, path):
        _replace_in_two_steps(draft, path)


def _exchange(draft: Path, path: Path) -> bool:
    """Have two directories swap their names in one moment; False where the system or the file system cannot.

    Source: renameat2(2) of Linux, which Python does not offer.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    sys.audit("os.rename", str(draft), str(path), -1, -1)
    if renameat2(_HERE, os.fsencode(draft), _HERE, os.fsencode(path), _RENAME_EXCHANGE) == 0:
        return True
    error = ctypes.get_errno()
    if error in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(error, os.strerror(error), str(path))


def _replace_in_two_steps(draft: Path, path: Path) -> None:
    """As `replace_by`; who is killed between the steps leaves nothing at `path`."""
    old, descriptor = _held_directory(path, _OLD)
    try:
        path.rename(old / path.name)
        try:
            draft.rename(path)
        except OSError:
            (old / path.name).rename(path)
            raise
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
