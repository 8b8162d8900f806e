"""Regions of the images themselves, where none are published: a detector looks at every image that is asked about."""

from pathlib import Path, PurePosixPath
from typing import Dict, Iterator, List, Mapping, Set

from PIL import Image

from podtune.errors import BadInput
from podtune.formats.image_files import ImageFiles, open_image_files
from podtune.progress import progress_bar
from podtune.steps.extract_lxmert.set_aside import BadRow, ReportBadRow
from podtune.tasks.visual_question_answering.region_store import BadRegions, open_region_store, rows_of_images


def store_picture_regions(
    pictures: Path, weights: Path, directory: Path, regions: int, report: ReportBadRow
) -> Set[str]:
    """Put the regions of every image into the split's store; return the images that have some.

    An image's file is called like the image, whatever it ends with. One that cannot be decoded is reported by its
    number among the images that questions are about.
    """
    from podtune.detector.detector import best_device, open_detector

    detector = open_detector(weights, best_device())
    if detector.config.regions != regions:
        raise BadInput(f"features.regions must be {detector.config.regions}, as {weights} finds; got {regions}")
    rows = rows_of_images(directory)
    stored: Set[str] = set()
    with open_image_files(pictures) as files, open_region_store(directory) as store:
        paths = _paths_by_image(files)
        for number, image in enumerate(_shown(rows), start=1):
            try:
                if image in paths:
                    seen = detector.describe(_picture(files, paths[image]))
                    store.put(rows[image], seen.features, seen.boxes)
                    stored.add(image)
            except BadRegions as mistake:
                report(BadRow(number, image, str(mistake)))
    return stored


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
    for name, paths in files.paths.items():
        image = PurePosixPath(name).stem
        several: List[str] = [path_of[image], *paths] if image in path_of else paths
        if len(several) > 1:
            raise BadInput(f"{files.root} has {len(several)} files of the image {image!r}: {', '.join(several[:3])}")
        path_of[image] = paths[0]
    return path_of
