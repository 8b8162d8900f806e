"""The pictures that examples are about, from the data itself: in their own shape, small enough for a report."""

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import List, Optional, Sequence

from podtune.errors import BadInput
from podtune.formats.image_files import ImageFiles, open_image_files
from podtune.formats.pictures import DamagedPicture, open_picture
from podtune.formats.raw_data import RawData, data_files

_LARGEST = 224
"""Pixels of the longer side."""

_QUALITY = 80


@dataclass(frozen=True)
class Picture:
    """A picture for a page."""

    jpeg: bytes
    width: int
    """Pixels."""

    height: int


def read_pictures(raw_data: RawData, split: str, names: Sequence[str]) -> List[Optional[Picture]]:
    """Read pictures by the names that examples have for them; None for each that the data does not hold."""
    images = data_files(raw_data).get(f"{split}.images")
    if images is None:
        return [None] * len(names)
    with open_image_files(images) as files:
        by_stem = {PurePosixPath(name).stem: name for name in files.paths}
        return [_picture(files, by_stem.get(name, name)) for name in names]


def _picture(files: ImageFiles, name: str) -> Optional[Picture]:
    try:
        image = open_picture(files.read(files.find(name)))
    except (BadInput, DamagedPicture):
        return None
    image.thumbnail((_LARGEST, _LARGEST))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return Picture(stream.getvalue(), image.width, image.height)
