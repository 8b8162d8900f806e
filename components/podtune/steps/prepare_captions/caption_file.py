"""A caption file, read strictly: COCO's JSON, with what VizWiz adds to it."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

from podtune.errors import BadInput
from podtune.formats import json_files
from podtune.formats.bad_rows import BadRows
from podtune.formats.raw_data import DataFile
from podtune.formats.set_aside import CURE, SetAside
from podtune.tasks.image_captioning.settings import CaptionSettings

_field = partial(json_files.field, form="caption JSON")
_text = partial(json_files.text, form="caption JSON")


@dataclass
class DescribedImage:
    """An image of the file with the captions that are used."""

    id: str
    file: str
    slices: Dict[str, str] = field(default_factory=dict)
    captions: List[str] = field(default_factory=list)
    """In the file's order, each on one line, because a line break makes two captions of it to the published metrics."""


@dataclass(frozen=True)
class CaptionFile:
    """The images of one file, in its order, and what became of its captions."""

    images: List[DescribedImage]
    counts: Mapping[str, int]
    """captions, and of these rejected_captions, precanned_captions and empty_captions, which are left out; one that is
    several of these counts as the first; captions_set_aside, which could not be read, are none of them."""


def read_caption_file(file: DataFile, settings: CaptionSettings, aside: SetAside) -> CaptionFile:
    """Read one split without its entries that are not COCO's, which are set aside."""
    documents = [(part, json_files.read_json(part.path, shown=str(part))) for part in file.parts()]
    images = _images(documents, file, aside)
    counts = Counter(captions=0, rejected_captions=0, precanned_captions=0, empty_captions=0)
    bad_rows = BadRows(file, CURE)
    read = 0
    for part, document in documents:
        for number, annotation in enumerate(_field(document, "annotations", (list,), str(part))):
            read += 1
            with bad_rows:
                counts.update(_add_caption(images, annotation, f"{part}: annotations[{number}]", settings))
    aside.take(bad_rows)
    aside.require_few(file, "captions", len(bad_rows.entries), read)
    if not images:
        raise BadInput(f"{file} holds no image")
    counts["captions_set_aside"] = len(bad_rows.entries)
    return CaptionFile(list(images.values()), dict(counts))


def _images(documents: Sequence[Tuple[DataFile, Any]], file: DataFile, aside: SetAside) -> Dict[int, DescribedImage]:
    """The images of all files; several may name the same one."""
    images: Dict[int, DescribedImage] = {}
    bad_rows = BadRows(file, CURE)
    read = 0
    for part, document in documents:
        of_part: Set[int] = set()
        for number, entry in enumerate(_field(document, "images", (list,), str(part))):
            where = f"{part}: images[{number}]"
            read += 1
            with bad_rows:
                name, called = _field(entry, "id", (int,), where), _text(entry, "file_name", where)
                image = images.setdefault(name, DescribedImage(str(name), called))
                if name in of_part or image.file != called:
                    raise BadInput(f"{where}: the id {name} was given to an earlier image; ids must differ")
                of_part.add(name)
                _note_text(image.slices, entry, where)
    aside.take(bad_rows)
    aside.require_few(file, "images", len(bad_rows.entries), read)
    return images


def _add_caption(
    images: Mapping[int, DescribedImage], annotation: Any, where: str, settings: CaptionSettings
) -> List[str]:
    """Give a caption to its image unless it is left out; return the counts that it adds to."""
    image = images.get(_field(annotation, "image_id", (int,), where))
    if image is None:
        raise BadInput(f"{where} is of image {annotation['image_id']}, which is not among the file's images")
    _note_text(image.slices, annotation, where)
    caption = " ".join(_text(annotation, "caption", where).split())
    reason = _left_out(annotation, caption, where, settings)
    if reason:
        return ["captions", reason]
    image.captions.append(caption)
    return ["captions"]


def _note_text(slices: Dict[str, str], holder: Mapping[str, Any], where: str) -> None:
    """Note whether there is text in the image, which VizWiz says of images or of their captions; one yes is enough."""
    if "text_detected" in holder:
        seen = _flag(holder, "text_detected", where) or slices.get("text_detected") == "yes"
        slices["text_detected"] = "yes" if seen else "no"


def _left_out(annotation: Any, caption: str, where: str, settings: CaptionSettings) -> str:
    """The count that a caption adds to which is not used; empty for one that is."""
    if _flag(annotation, "is_rejected", where) and not settings.keep_rejected:
        return "rejected_captions"
    if _flag(annotation, "is_precanned", where) and not settings.keep_precanned:
        return "precanned_captions"
    return "" if caption else "empty_captions"


def _flag(holder: Mapping[str, Any], key: str, where: str) -> bool:
    """What VizWiz adds and COCO has not; absent means false."""
    return key in holder and bool(_field(holder, key, (bool,), where))
