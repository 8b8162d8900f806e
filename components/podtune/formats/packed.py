"""Files that may be packed by gzip, unpacked within a limit."""

import gzip
import io
import zlib
from pathlib import Path

from podtune.errors import BadInput, bad_input
from podtune.formats.raw_data import DataFile

GZIP = b"\x1f\x8b"
"""What a packed file begins with."""

MOST_UNPACKED = 2 << 30
"""Bytes that any file may stand for; a larger one may stand for more."""

MOST_TIMES = 100
"""Its own bytes that a file may stand for beyond that; more is taken for an attack."""

_BLOCK = 1 << 24


def read_unpacked(file: DataFile, wanted: str) -> bytes:
    """A file's content, unpacked if it is packed; BadInput where it is not there, damaged or stands for too much."""
    try:
        content = file.path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInput(f"{file} is no file; it should be {wanted}") from error
    return _unpack(content, file) if content.startswith(GZIP) else content


def most_bytes(path: Path) -> int:
    """How much a file may stand for."""
    return max(MOST_UNPACKED, MOST_TIMES * path.stat().st_size)


def too_much(file: DataFile, most: int) -> BadInput:
    """The complaint about a file that stands for more."""
    return BadInput(f"{file} stands for more than {most:,} bytes; divide it into several files")


def _unpack(content: bytes, file: DataFile) -> bytes:
    most, blocks, unpacked = most_bytes(file.path), [], 0
    damaged = bad_input(f"{file} is cut off or damaged gzip", EOFError, zlib.error)
    with damaged, gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        for block in iter(lambda: packed.read(_BLOCK), b""):
            unpacked += len(block)
            if unpacked > most:
                raise too_much(file, most)
            blocks.append(block)
    return b"".join(blocks)
