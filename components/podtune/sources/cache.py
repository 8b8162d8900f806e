"""Where downloads are collected, so that they outlive a step that is interrupted."""

import contextlib
import hashlib
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Callable, Optional

from podtune.environment import CACHE
from podtune.errors import BadInput, from_os_error, naming
from podtune.sources.checksums import Sum
from podtune.stores.partial_file import locked

_log = logging.getLogger(__name__)


def cache_directory() -> Path:
    """The cache's directory, which may not exist yet; everything in it may be deleted at any time."""
    if CACHE.value():
        return Path(CACHE.value())
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "podtune"


def through_cache(uri: str, target: Path, expected: Optional[Sum], collect: Callable[[Path], None]) -> None:
    """Have `collect` download a URI to a path in the cache, check the file, and move or link it to `target`.

    A file whose sum is known stays in the cache for the next time, if that costs no space. Where the cache lies on
    another disk than `target`, as in a pod, and nobody has asked for it, the file is collected in its place at once:
    moving it there would take the disk twice, and the time of a copy.
    """
    if not CACHE.value() and _device(cache_directory()) != _device(target):
        collect(target)
        _check(target, uri, expected)
        return
    entry = _entry(uri)
    collected = entry / "content"
    with locked(entry, lambda: _log.info("waiting for another process that downloads to %s", entry)):
        if not (expected and expected.fits(collected)):
            collect(collected)
            _check(collected, uri, expected)
        with naming(target):
            _hand_over(collected, target, keep=expected is not None)


def _device(path: Path) -> int:
    """The file system that a path is on, or would be."""
    while not path.exists():
        path = path.parent
    return path.stat().st_dev


def _entry(uri: str) -> Path:
    """Make the directory of one URI in the cache, named by its file's name and its hash."""
    name = re.sub(r"[^\w.-]+", "-", uri.rpartition("/")[2])[-80:]
    directory = cache_directory() / "downloads" / f"{name}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        expected = from_os_error(error)
        if expected and not isinstance(expected, BadInput):
            raise
        reason = error.strerror or str(error)
        raise BadInput(f"cannot collect downloads in {directory}: {reason}; set {CACHE.name} to a directory") from error
    return directory


def _check(collected: Path, uri: str, expected: Optional[Sum]) -> None:
    """Refuse a wrong file and delete it, so that the next call starts over."""
    if expected is None:
        return
    try:
        expected.check(collected, uri)
    except BadInput:
        collected.unlink()
        raise


def _hand_over(collected: Path, target: Path, *, keep: bool) -> None:
    if keep:
        with contextlib.suppress(OSError):
            os.link(str(collected), str(target))
            return
    shutil.move(str(collected), str(target))
