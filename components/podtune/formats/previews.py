"""Previews on disk: the pictures that a split's examples are about, in their own shape, small enough for a report.

`previews/SPLIT.jsonl` of Features has one object a picture: {"name", "width", "height", "jpeg"}, the last in base64.
The training split has none: nobody is shown its examples. What encodes them may change, and the Features' digest
leaves them out.
"""

import io
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from podtune.errors import BadInput
from podtune.formats.features import PREVIEWS
from podtune.formats.image_files import ImageFiles, open_image_files
from podtune.formats.json_lines import read_json_lines, write_json_lines
from podtune.formats.pictures import DamagedPicture, open_picture
from podtune.formats.profile import TRAIN
from podtune.formats.raw_data import DataFile

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


def write_previews(features: Path, split: str, images: DataFile, names: Iterable[str]) -> None:
    """Write a split's previews, by the names that its examples have for them: of pictures that can be decoded."""
    if split == TRAIN:
        return
    (features / PREVIEWS).mkdir(exist_ok=True)
    with open_image_files(images) as files, ThreadPoolExecutor() as pool:
        by_stem = {PurePosixPath(name).stem: name for name in files.paths}
        made = pool.map(partial(_preview, files, by_stem), dict.fromkeys(names))
        write_json_lines(_file(features, split), filter(None, made))


def read_previews(features: Path, split: str, names: Sequence[str]) -> List[Optional[Picture]]:
    """Read pictures by the names that examples have for them; None for each of which there is no preview."""
    found: Dict[str, Picture] = {}
    file = _file(features, split)
    for record in read_json_lines(file) if file.is_file() else ():
        if record["name"] in names:
            found[record["name"]] = Picture(b64decode(record["jpeg"]), record["width"], record["height"])
    return [found.get(name) for name in names]


def _file(features: Path, split: str) -> Path:
    return features / PREVIEWS / f"{split}.jsonl"


def _preview(files: ImageFiles, by_stem: Mapping[str, str], name: str) -> Optional[Dict[str, Any]]:
    try:
        image = open_picture(files.read(files.find(by_stem.get(name, name))), 2 * _LARGEST)
    except (BadInput, DamagedPicture):
        return None
    image.thumbnail((_LARGEST, _LARGEST))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    jpeg = b64encode(stream.getvalue()).decode("ascii")
    return {"name": name, "width": image.width, "height": image.height, "jpeg": jpeg}
