"""LXMERT's region files: tab-separated, without a header, a row of 400 kB for each image, arrays in base64."""

import mmap
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple

from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.progress import progress_bar
from podtune.steps.extract_lxmert.set_aside import BadRow, ReportBadRow
from podtune.tasks.visual_question_answering.region_row import columns_of, name_of, regions_of
from podtune.tasks.visual_question_answering.region_store import BadRegions, open_region_store, rows_of_images


def store_region_file(file: DataFile, directory: Path, regions: int, report: ReportBadRow) -> Set[str]:
    """Put the images that the split's store has a row for into it; return them. One in two rows is in none."""
    if not file.path.is_file():
        raise BadInput(f"{file} is no file; it should hold LXMERT's region features")
    rows = rows_of_images(directory)
    first: Dict[str, int] = {}
    repeated: Set[str] = set()
    with open_region_store(directory) as store:
        for number, (content, begin, end) in enumerate(_rows(file), start=1):
            image = ""
            try:
                columns = columns_of(content, begin, end)
                image = name_of(columns)
                if image in first:
                    repeated.add(image)
                    raise BadRegions(f"row {first[image]} is of the same image; it must be in one row")
                if image in rows:
                    store.put(rows[image], *regions_of(columns, regions))
                    first[image] = number
            except BadRegions as mistake:
                report(BadRow(number, image, str(mistake)))
        for image in repeated:
            store.clear(rows[image])
    return set(first) - repeated


def _rows(file: DataFile) -> Iterator[Tuple[mmap.mmap, int, int]]:
    """The file's content, and where each row begins and ends in it, without its line end; with a progress bar."""
    size = file.path.stat().st_size
    if not size:
        return
    with file.path.open("rb") as opened, progress_bar(size, "B", f"reading {file.name}") as bar:
        content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        begin = 0
        while begin < size:
            newline = content.find(b"\n", begin)
            end = newline if newline >= 0 else size
            yield content, begin, end
            bar.update(end + 1 - begin)
            begin = end + 1
