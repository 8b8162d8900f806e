"""LXMERT's region files: tab-separated, without a header, a row of 400 kB for each image, arrays in base64."""

from pathlib import Path
from typing import Dict, Iterator, Sequence, Set

from podtune.errors import BadInput
from podtune.formats.raw_data import DataFile
from podtune.progress import progress_bar
from podtune.steps.extract_lxmert.reports import BadRow, ReportBadRow
from podtune.tasks.visual_question_answering.region_row import name_of, regions_of, rows_of
from podtune.tasks.visual_question_answering.region_store import BadRegions, open_region_store, rows_of_images


def store_region_file(file: DataFile, directory: Path, regions: int, report: ReportBadRow) -> Set[str]:
    """Put the images that the split's store has a row for into it; return them. One in two rows is in none."""
    if not file.path.is_file():
        raise BadInput(f"{file} is no file; it should hold LXMERT's region features")
    rows = rows_of_images(directory)
    first: Dict[str, int] = {}
    repeated: Set[str] = set()
    with open_region_store(directory) as store:
        for number, columns in enumerate(_rows(file), start=1):
            image = ""
            try:
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


def _rows(file: DataFile) -> Iterator[Sequence[memoryview]]:
    """The columns of each row; with a progress bar."""
    read = 0
    with progress_bar(file.path.stat().st_size, "B", f"reading {file.name}") as bar:
        for columns, end in rows_of(file.path):
            yield columns
            bar.update(end - read)
            read = end
