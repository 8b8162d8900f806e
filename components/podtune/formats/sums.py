"""The SHA-256 of files: read once, and not again while a file stays as it was.

A sum is known by the file's device, inode, size and times: in this process, and where PODTUNE_SUMS names a file, also
in those to come. It has a line for each sum, with a check of its own: a line that is damaged or cut off counts for
nothing, and the whole file may go at any time. What comes from elsewhere or goes there is read: `sha256_of`.
"""

import contextlib
import hashlib
import os
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from podtune.cores import cores
from podtune.environment import SUMS

_BLOCK = 1 << 20
_LARGE = 1 << 28
"""Bytes whose hashing may take a second."""

_AT_ONCE = 1000
"""Files after which their sums are written."""

_LARGEST = 64 << 20
"""Bytes of a file of sums, for 400,000 of them; it is begun anew then."""

_TICK, _COARSE_TICK = 20_000_000, 2_000_000_000
"""Nanoseconds within which a second change may leave a file's times as they are: Linux' clock for files ticks every 1
to 10 ms; FAT's every 2 s, and so may others that know no parts of a millisecond."""


class _Mark(NamedTuple):
    """What changes when a file does."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int
    """Of content, name or rights, as the system says and no program can set; both in nanoseconds."""


_Found = Tuple[str, Optional[_Mark]]
"""A sum and what it is to be remembered by; None where that is not needed, or a change might not show."""

_Advance = Callable[[int], Any]


class _Memory:
    """The sums that are known, and the file that they are in."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._known: Dict[_Mark, str] = {}
        self._read = 0
        self._lock = threading.Lock()

    def find(self, mark: _Mark) -> Optional[str]:
        """The sum of a file with this mark; None where it is not known."""
        with self._lock:
            if mark not in self._known and self._path:
                with contextlib.suppress(OSError):
                    self._read_on(self._path)
            return self._known.get(mark)

    def add(self, sums: Dict[_Mark, str]) -> None:
        """Remember; where the file cannot be written, in this process only."""
        new = {mark: digest for mark, digest in sums.items() if self.find(mark) != digest}
        with self._lock, contextlib.suppress(OSError):
            self._known.update(new)
            if new and self._path:
                _append(self._path, b"".join(_line(mark, digest) for mark, digest in new.items()))

    def _read_on(self, path: Path) -> None:
        """Take in what was written since, by whatever process; from the start where the file was begun anew."""
        size = path.stat().st_size
        if size == self._read:
            return
        with path.open("rb") as file:
            file.seek(self._read if size > self._read else 0)
            content = file.read()
            self._read = file.tell()
        for line in content.splitlines():
            with contextlib.suppress(ValueError, TypeError):
                mark, digest = _parsed(line)
                self._known[mark] = digest


@contextlib.contextmanager
def kept_in(path: Path) -> Iterator[None]:
    """Know the sums that a file has, and add to it, for as long as the block lasts: here and in steps started there."""
    before = os.environ.get(SUMS.name)
    os.environ[SUMS.name] = str(path.resolve())
    try:
        yield
    finally:
        os.environ.pop(SUMS.name)
        if before is not None:
            os.environ[SUMS.name] = before


def sha256_of(path: Path) -> str:
    """Read a file; return its SHA-256 in lower-case hexadecimal."""
    return _sums([path], _read)[0]


def known_sha256(path: Path) -> str:
    """A file's SHA-256, from memory if the file is as it was when it was read."""
    return known_sums([path])[0]


def known_sums(paths: Sequence[Path]) -> List[str]:
    """The SHA-256 of each file, from memory where it is as it was; of others two are read at a time."""
    return _sums(paths, _recall)


def copy(source: Path, target: Path) -> str:
    """Copy a file and hash meanwhile what is copied; return its SHA-256, by which the copy is known."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing, ThreadPoolExecutor(1) as hashing:
        for block in iter(lambda: reading.read(_BLOCK), b""):
            hashed = hashing.submit(digest.update, block)
            writing.write(block)
            hashed.result()
        writing.flush()
        mark = _lasting_mark(writing.fileno())
    if mark:
        _memory().add({mark: digest.hexdigest()})
    return digest.hexdigest()


def _sums(paths: Sequence[Path], find: Callable[[Path, _Advance], _Found]) -> List[str]:
    """Find the sum of each file, two at a time where there are two cores, and remember them."""
    sums: List[str] = []
    with ThreadPoolExecutor(min(2, cores())) as pool, _advancing(paths) as advance:
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            found = list(pool.map(find, some, [advance] * len(some))) if len(paths) > 1 else [find(paths[0], advance)]
            _memory().add({mark: digest for digest, mark in found if mark})
            sums += [digest for digest, _ in found]
    return sums


def _recall(path: Path, advance: _Advance) -> _Found:
    mark = _mark(path.stat())
    known = _memory().find(mark)
    if known is None:
        return _read(path, advance)
    advance(mark.size)
    return known, None


def _read(path: Path, advance: _Advance) -> _Found:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        mark = _lasting_mark(stream.fileno())
        for block in iter(lambda: stream.read(_BLOCK), b""):
            digest.update(block)
            advance(len(block))
        stayed = mark == _mark(os.fstat(stream.fileno()))
    return digest.hexdigest(), mark if stayed else None


def _lasting_mark(descriptor: int) -> Optional[_Mark]:
    """A file's mark, if every change from now on will show in it; None where the file has just changed.

    That is waited for where hashing it again, at about a byte a nanosecond, would take longer.
    """
    found = os.fstat(descriptor)
    tick = _TICK if found.st_ctime_ns % 1_000_000 else _COARSE_TICK
    wait = _until_settled(found, tick)
    if 0 < wait <= min(tick, found.st_size):
        time.sleep(wait / 1e9)
        found = os.fstat(descriptor)
        wait = _until_settled(found, tick)
    return _mark(found) if wait <= 0 else None


def _until_settled(found: os.stat_result, tick: int) -> int:
    """Nanoseconds until a tick will have passed since the last change; more where that is said to be in the future."""
    return max(found.st_mtime_ns, found.st_ctime_ns) + tick - time.time_ns()


def _mark(found: os.stat_result) -> _Mark:
    return _Mark(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _memory() -> _Memory:
    return _memory_in(SUMS.value())


@lru_cache(maxsize=None)
def _memory_in(path: str) -> _Memory:
    return _Memory(path)


def _append(path: Path, lines: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(str(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
    try:
        if os.fstat(descriptor).st_size > _LARGEST:
            os.ftruncate(descriptor, 0)
        os.write(descriptor, b"\n" + lines)  # in one piece; the first ends a line that was cut off
    finally:
        os.close(descriptor)


def _line(mark: _Mark, digest: str) -> bytes:
    text = f"{' '.join(map(str, mark))} {digest}".encode("ascii")
    return b"%s %08x\n" % (text, zlib.crc32(text))


def _parsed(line: bytes) -> Tuple[_Mark, str]:
    """A line's mark and sum; ValueError or TypeError where it is damaged."""
    text, _, check = line.rpartition(b" ")
    *numbers, digest = text.decode("ascii").split(" ")
    if b"%08x" % zlib.crc32(text) != check:
        raise ValueError(line)
    return _Mark(*map(int, numbers)), digest


@contextlib.contextmanager
def _advancing(paths: Sequence[Path]) -> Iterator[_Advance]:
    """What counts the bytes that are hashed; it stops a thread that is still at it when the block has ended."""
    ended, lock = threading.Event(), threading.Lock()
    with _bar(paths) as bar:

        def advance(count: int) -> None:
            if ended.is_set():
                raise InterruptedError("nobody waits for this sum any more")
            with lock:
                bar.update(count)

        try:
            yield advance
        finally:
            ended.set()


class _NoBar(contextlib.ExitStack):
    """A bar that shows nothing."""

    def update(self, count: int) -> None:
        """Count nothing."""


def _bar(paths: Sequence[Path]) -> Any:
    """A bar on a terminal, if the hashing takes long and nothing else goes on meanwhile."""
    size = sum(path.stat().st_size for path in paths)
    if size < _LARGE or threading.current_thread() is not threading.main_thread():
        return _NoBar()
    from podtune.progress import progress_bar  # tqdm takes longer than most files

    what = paths[0].name if len(paths) == 1 else f"{len(paths):,} files"
    return progress_bar(size, "B", f"hashing {what}", delay=1.0)
