"""A generated data set in VizWiz-Captions' format: real in form, learnable in a minute, the same for the same seed.

Pictures show one or two coloured shapes on a surface (`sample_scenes.py`), as JPEG files in a zip; some lie turned,
with an EXIF orientation (`sample_images.py`). Every picture has five captions. Some captions are rejected or precanned,
some have a line break in them, and now and then a picture is dark, with nothing but precanned captions. The validation
split's pictures were not seen in training.
"""

import json
import zipfile
from pathlib import Path
from random import Random
from typing import Any, Dict, List

from podtune.samples.caption_images import ORIENTATIONS, draw_darkness, draw_picture, jpeg_file
from podtune.samples.caption_scenes import PRECANNED, REJECTED, Scene, caption, draw_scene

CAPTIONS_AN_IMAGE = 5
DARK_EVERY = 40
"""Of so many pictures one is dark, the fifth of them first."""

_DATE = (2020, 2, 10, 12, 0, 0)
"""Of every picture's file."""

_NAMES = {"train": "train", "validation": "val"}
_FIRST_IMAGE = {"train": 0, "validation": 23_431}
"""The published ids of the first images; an image's captions have five times its id and the next four."""


def write_sample(directory: Path, seed: int, train: int, validation: int) -> Dict[str, str]:
    """Write so many images a split, with their captions, and return RawData's names of the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files: Dict[str, str] = {}
    for split, images in (("train", train), ("validation", validation)):
        files[f"{split}.captions"] = f"{split}.captions.json"
        files[f"{split}.images"] = f"{split}.images.zip"
        random = Random(f"{seed}/captions/{split}")
        scenes = [draw_scene(random) for _ in range(images)]
        text = json.dumps(_document(random, split, scenes), ensure_ascii=False)
        (directory / files[f"{split}.captions"]).write_text(text + "\n", encoding="utf-8")
        _write_pictures(directory / files[f"{split}.images"], random, split, scenes)
    return files


def _document(random: Random, split: str, scenes: List[Scene]) -> Dict[str, Any]:
    """The caption file of a split."""
    images: List[Dict[str, Any]] = []
    annotations: List[Dict[str, Any]] = []
    for number, scene in enumerate(scenes):
        name, text_detected = _file_name(split, number), scene.has_text and not _is_dark(number)
        image = _FIRST_IMAGE[split] + number
        images.append({"file_name": name, "vizwiz_url": "", "id": image, "text_detected": text_detected})
        for place in range(CAPTIONS_AN_IMAGE):
            described = {"id": CAPTIONS_AN_IMAGE * image + place, "image_id": image, "text_detected": text_detected}
            annotations.append({**_caption(random, scene, number, place), **described})
    info = {"description": "Generated captions in the format of VizWiz-Captions.", "version": "1.0"}
    return {"info": info, "images": images, "annotations": annotations}


def _caption(random: Random, scene: Scene, number: int, place: int) -> Dict[str, Any]:
    """One of a picture's captions, and what the data's makers said of it; the second one always is a good one."""
    chance = random.random()
    precanned = _is_dark(number) or (chance < 0.04 and place != 1)
    rejected = not precanned and chance < 0.08 and place != 1
    text = PRECANNED if precanned else random.choice(REJECTED) if rejected else caption(random, scene)
    if number % DARK_EVERY == 1 and place == 1:
        text = text.replace(" on ", " \r\non ")
    return {"caption": text, "is_precanned": precanned, "is_rejected": rejected}


def _write_pictures(path: Path, random: Random, split: str, scenes: List[Scene]) -> None:
    """Write the pictures as they were taken, one of four with the camera turned."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, scene in enumerate(scenes):
            picture = draw_darkness(random) if _is_dark(number) else draw_picture(random, scene)
            orientation = random.choice(ORIENTATIONS) if random.random() < 0.25 else ORIENTATIONS[0]
            member = zipfile.ZipInfo(f"{_NAMES[split]}/{_file_name(split, number)}", date_time=_DATE)
            member.external_attr = 0o644 << 16
            archive.writestr(member, jpeg_file(picture, orientation))


def _file_name(split: str, number: int) -> str:
    return f"VizWiz_{_NAMES[split]}_{number:08}.jpg"


def _is_dark(number: int) -> bool:
    return number % DARK_EVERY == 4
