"""Regions of the images themselves, where none are published: a detector looks at every image that is asked about."""

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Set

from PIL import Image

from podtune.errors import BadInput
from podtune.formats.bad_rows import BadRows
from podtune.formats.image_files import PICTURES, ImageFiles, open_image_files
from podtune.formats.raw_data import DataFile
from podtune.progress import progress_bar
from podtune.steps.extract_lxmert.reports import BadRow, ReportBadRow
from podtune.tasks.visual_question_answering.region_store import BadRegions, open_region_store, rows_of_images

if TYPE_CHECKING:
    from podtune.detector.detector import Detector


def store_picture_regions(
    pictures: DataFile, weights: DataFile, directory: Path, regions: int, report: ReportBadRow
) -> Set[str]:
    """Put the regions of every image into the split's store; return the images that have some.

    An image's file is called like the image, whatever it ends with. One that cannot be decoded is reported by its
    number among the images that questions are about.
    """
    detector = _open_detector(weights)
    if detector.config.regions != regions:
        raise BadInput(f"features.regions must be {detector.config.regions}, as {weights} finds; got {regions}")
    rows = rows_of_images(directory)
    stored: Set[str] = set()
    wanted = True
    with open_image_files(pictures) as files, open_region_store(directory) as store:
        paths = _paths_by_image(files)
        for number, image in enumerate(_shown(rows), start=1):
            try:
                picture = _picture(files, paths[image]) if image in paths else None
                if picture and wanted:
                    seen = detector.describe(picture)
                    store.put(rows[image], seen.features, seen.boxes)
                    stored.add(image)
            except BadRegions as mistake:
                wanted = report(BadRow(number, image, str(mistake)))
    return stored


def _open_detector(weights: DataFile) -> "Detector":
    from podtune.detector.detector import best_device, open_detector

    try:
        return open_detector(weights.path, best_device())
    except BadInput as error:
        raise BadInput(str(error).replace(str(weights.path), str(weights))) from error


def _shown(images: Mapping[str, int]) -> Iterator[str]:
    with progress_bar(len(images), "image", "finding regions") as bar:
        for image in images:
            yield image
            bar.update(1)


def _picture(files: ImageFiles, path: str) -> Image.Image:
    """Decode a file; BadRegions where that cannot be done."""
    from podtune.detector.pictures import open_picture

    try:
        return open_picture(files.read(path), path)
    except BadInput as error:
        raise BadRegions(str(error)) from error


def _paths_by_image(files: ImageFiles) -> Dict[str, str]:
    """Image to its file; BadInput where two files are called alike."""
    path_of: Dict[str, str] = {}
    bad_rows = BadRows(files.root)
    for name, paths in files.paths.items():
        image = PurePosixPath(name).stem
        if PurePosixPath(name).suffix.lower() not in PICTURES:
            continue
        several: List[str] = [path_of[image], *paths] if image in path_of else paths
        if len(several) > 1:
            bad_rows.add(f"{files.root} has {len(several)} files of the image {image!r}: {', '.join(several[:3])}")
        path_of[image] = paths[0]
    bad_rows.stop()
    return path_of
