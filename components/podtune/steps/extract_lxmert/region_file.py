"""LXMERT's region files: tab-separated, without a header, a row of 400 kB for each image, arrays in base64.

A split's regions may lie in several, each as it is, packed by gzip, or in a zip; nothing is unpacked on the disk.
"""

import gzip
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Deque, Dict, Iterator, Mapping, NamedTuple, Sequence, Set, Tuple

from podtune.cores import cores
from podtune.errors import BadInput
from podtune.formats.archives import is_packed_by_gzip, is_zip, open_zip, unpacking
from podtune.formats.raw_data import DataFile, is_left_by_systems, natural_order
from podtune.progress import progress_bar
from podtune.steps.extract_lxmert.reports import BadRow, ReportBadRow
from podtune.tasks.visual_question_answering.region_row import name_of, regions_of, rows_of, rows_of_stream
from podtune.tasks.visual_question_answering.region_store import (
    BadRegions,
    RegionStore,
    open_region_store,
    rows_of_images,
)

_UNDER_WAY = 8
"""Rows that may wait for a thread: 3 MB."""

Row = Tuple[Sequence[memoryview], int]
"""The columns of a row, and the offset of the next."""


class _Table(NamedTuple):
    name: str
    """As messages show it; a member of a zip behind the zip's own name."""

    size: int
    """In bytes; 0 where it is not known."""

    rows: Iterator[Row]


def store_region_file(file: DataFile, directory: Path, regions: int, report: ReportBadRow) -> Set[str]:
    """Put the images that the split's store has a row for into it; return them.

    One in two rows, be it of two files, is in none, unless its regions are the same in both.
    """
    if not file.path.exists():
        raise BadInput(f"{file} is no file; it should hold LXMERT's region features")
    with open_region_store(directory) as store, ThreadPoolExecutor(min(2, cores())) as pool:
        rows = _Rows(rows_of_images(directory), store, pool, regions, report)
        for table in _tables(file):
            part = "" if table.name == str(file) else table.name
            for number, columns in enumerate(_shown(table), start=1):
                rows.take(_Place(table.name, number, part), columns)
        return rows.stored()


class _Place(NamedTuple):
    """Where a row stands."""

    table: str
    number: int
    part: str
    """As BadRow has it."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a split on their way into its store, by threads: most of the work needs no lock of Python's."""

    row_of: Mapping[str, int]
    """Image to its row in the store."""

    store: RegionStore
    pool: ThreadPoolExecutor
    regions: int
    report: ReportBadRow
    first: Dict[str, _Place] = field(default_factory=dict)
    """Image to where its regions were found; those that are under way come last."""

    repeated: Set[str] = field(default_factory=set)
    under_way: "Deque[Tuple[str, Future[None]]]" = field(default_factory=deque)

    def take(self, place: _Place, columns: Sequence[memoryview]) -> None:
        """Have a row stored, or compared with an earlier one of its image; bad ones are reported in order."""
        image = ""
        try:
            image = name_of(columns)
            if image in self.first:
                self.settle()
            if image in self.row_of and image not in self.first:
                self.first[image] = place
                self.under_way.append((image, self.pool.submit(self._put, image, columns)))
                self.settle(_UNDER_WAY)
            elif image in self.first and not self._holds(image, columns):
                self.repeated.add(image)
                raise BadRegions(_earlier(self.first[image], place))
        except BadRegions as mistake:
            self.settle()
            self.report(BadRow(place.number, image, str(mistake), place.part))

    def settle(self, most: int = 0) -> None:
        """Wait until no more rows than these are under way."""
        while len(self.under_way) > most:
            image, putting = self.under_way.popleft()
            try:
                putting.result()
            except BadRegions as mistake:
                place = self.first.pop(image)
                self.report(BadRow(place.number, image, str(mistake), place.part))

    def stored(self) -> Set[str]:
        """The images that are stored, once all rows were taken; those that two rows tell differently are none."""
        self.settle()
        for image in self.repeated:
            self.store.clear(self.row_of[image])
        return set(self.first) - self.repeated

    def _put(self, image: str, columns: Sequence[memoryview]) -> None:
        self.store.put(self.row_of[image], *regions_of(columns, self.regions))

    def _holds(self, image: str, columns: Sequence[memoryview]) -> bool:
        return self.store.holds(self.row_of[image], *regions_of(columns, self.regions))


def _earlier(first: _Place, here: _Place) -> str:
    where = "" if first.table == here.table else f" of {first.table}"
    return f"row {first.number}{where} is of the same image; it must be in one row"


def _tables(file: DataFile) -> Iterator[_Table]:
    """The tables of a file, or of those in a folder, in natural order; each has to be read before the next."""
    for part in file.parts():
        if is_zip(part.path):
            yield from _tables_in_zip(part)
        elif is_packed_by_gzip(part.path):
            with gzip.open(part.path) as stream:
                yield _Table(str(part), 0, rows_of_stream(stream))
        else:
            yield _Table(str(part), part.path.stat().st_size, rows_of(part.path))


def _tables_in_zip(file: DataFile) -> Iterator[_Table]:
    with open_zip(file, largest=None) as archive:
        names = [name for name in archive.members if not is_left_by_systems(PurePosixPath(name))]
        tables = sorted((name for name in names if name.lower().endswith(".tsv")), key=natural_order)
        if not tables:
            listed = ", ".join(names[:3]) or "nothing"
            raise BadInput(f"{file} has no .tsv, which would hold LXMERT's region features; it has {listed}")
        for name in tables:
            with archive.open(name) as stream:
                yield _Table(f"{file}/{name}", archive.members[name], rows_of_stream(stream))


def _shown(table: _Table) -> Iterator[Sequence[memoryview]]:
    """The columns of each row, with a progress bar; BadInput where the table cannot be unpacked."""
    read = 0
    bar = progress_bar(table.size, "B", f"reading {PurePosixPath(table.name).name}")
    with unpacking(f"{table.name} is damaged or cut off"), bar as shown:
        for columns, end in table.rows:
            yield columns
            shown.update(end - read)
            read = end
