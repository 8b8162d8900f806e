"""LXMERT's region files: tab-separated, without a header, a row of 400 kB for each image, arrays in base64."""

import mmap
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Set, Tuple

from podtune.errors import BadInput
from podtune.extract_lxmert.region_row import columns_of, name_of, regions_of
from podtune.extract_lxmert.region_store import BadRegions, open_store, rows_of_images
from podtune.progress import progress_bar

_PIECE = 32 << 20
"""Bytes of the file that a process reads at a time."""

_FEW = 8
"""So many pieces are read before another process would have started."""


@dataclass(frozen=True)
class BadRow:
    """A row that is not used."""

    row: int
    """Its number in the file, from 1."""

    image: str
    """As the row names it; empty where it does not."""

    reason: str


@dataclass
class _Piece:
    """What was found in a piece of a file; rows are numbered from 1 within it."""

    rows: int = 0
    stored: List[Tuple[int, str]] = field(default_factory=list)
    """Row and image."""

    bad: List[BadRow] = field(default_factory=list)


def store_region_file(path: Path, directory: Path, regions: int, tell: Callable[[BadRow], None]) -> Set[str]:
    """Put the images that the split's store has a row for into it; say which. Several processes read.

    `tell` is told of every bad row, in the file's order, and may raise. An image that stands in two rows is in none.
    """
    if not path.is_file():
        raise BadInput(f"{path} is no file; it should hold LXMERT's region features")
    size = path.stat().st_size
    spans = [(start, min(start + _PIECE, size)) for start in range(0, size, _PIECE)]
    before = 0
    first: Dict[str, int] = {}
    repeated: Set[str] = set()
    with progress_bar(size, "B", f"reading {path.name}") as bar:
        for (start, stop), piece in zip(spans, _read(path, directory, regions, spans)):
            for bad in piece.bad:
                tell(BadRow(before + bad.row, bad.image, bad.reason))
            for row, image in piece.stored:
                if image in first:
                    tell(BadRow(before + row, image, f"row {first[image]} is of the same image; it must be in one row"))
                    repeated.add(image)
                first.setdefault(image, before + row)
            before += piece.rows
            bar.update(stop - start)
    _take_back(repeated, directory)
    return set(first) - repeated


def _read(path: Path, directory: Path, regions: int, spans: List[Tuple[int, int]]) -> Iterator[_Piece]:
    """Read the pieces of a file, in their order."""
    read_piece = partial(_read_piece, path, directory, regions)
    if len(spans) <= _FEW:
        yield from map(read_piece, spans)
    else:
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
            yield from pool.map(read_piece, spans)


def _take_back(images: Set[str], directory: Path) -> None:
    rows = rows_of_images(directory)
    with open_store(directory) as store:
        for image in images:
            store.clear(rows[image])


def _read_piece(path: Path, directory: Path, regions: int, span: Tuple[int, int]) -> _Piece:
    """Store the rows that begin within the span of the file."""
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    piece, places = _Piece(), _rows_of_images(directory)
    with open_store(directory) as store:
        for begin, end in _lines(content, *span):
            piece.rows += 1
            image = ""
            try:
                columns = columns_of(content, begin, end)
                image = name_of(columns)
                if image in places:
                    store.put(places[image], *regions_of(columns, regions))
                    piece.stored.append((piece.rows, image))
            except BadRegions as mistake:
                piece.bad.append(BadRow(piece.rows, image, str(mistake)))
    return piece


def _lines(content: mmap.mmap, start: int, stop: int) -> Iterator[Tuple[int, int]]:
    """Where the lines that begin within a span lie, without their ends."""
    begin = content.find(b"\n", start - 1) + 1 if start else 0
    while begin < stop and (begin or not start):
        newline = content.find(b"\n", begin)
        end = newline if newline >= 0 else len(content)
        yield begin, end
        begin = end + 1


_rows_of_images = lru_cache(maxsize=1)(rows_of_images)
