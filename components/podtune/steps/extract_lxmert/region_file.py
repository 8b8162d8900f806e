"""LXMERT's region files: tab-separated, without a header, a row of 400 kB for each image, arrays in base64.

A split's regions may lie in several, each as it is, packed by gzip, or in a zip; nothing is unpacked on the disk.
"""

import gzip
from pathlib import Path, PurePosixPath
from typing import Dict, Iterator, NamedTuple, Sequence, Set, Tuple

from podtune.errors import BadInput
from podtune.formats.archives import is_packed_by_gzip, is_zip, open_zip, unpacking
from podtune.formats.raw_data import DataFile, is_left_by_systems, natural_order
from podtune.progress import progress_bar
from podtune.steps.extract_lxmert.reports import BadRow, ReportBadRow
from podtune.tasks.visual_question_answering.region_row import name_of, regions_of, rows_of, rows_of_stream
from podtune.tasks.visual_question_answering.region_store import BadRegions, open_region_store, rows_of_images

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
    rows = rows_of_images(directory)
    first: Dict[str, Tuple[str, int]] = {}
    repeated: Set[str] = set()
    with open_region_store(directory) as store:
        for table in _tables(file):
            part = "" if table.name == str(file) else table.name
            for number, columns in enumerate(_shown(table), start=1):
                image = ""
                try:
                    image = name_of(columns)
                    if image in rows and image not in first:
                        store.put(rows[image], *regions_of(columns, regions))
                        first[image] = table.name, number
                    elif image in first and not store.holds(rows[image], *regions_of(columns, regions)):
                        repeated.add(image)
                        raise BadRegions(_earlier(*first[image], table.name))
                except BadRegions as mistake:
                    report(BadRow(number, image, str(mistake), part))
        for image in repeated:
            store.clear(rows[image])
    return set(first) - repeated


def _earlier(name: str, number: int, here: str) -> str:
    where = "" if name == here else f" of {name}"
    return f"row {number}{where} is of the same image; it must be in one row"


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
