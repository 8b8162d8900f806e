"""A generated data set in VizWiz-Captions' format: real in form, learnable in a minute, the same for the same seed.

Pictures show one or two coloured shapes on a surface, as JPEG files in a zip; some are turned, with an EXIF tag.
Every picture has five captions. Some captions are rejected or precanned, some have a line break in them, and now and
then a picture is dark, with nothing but precanned captions. The validation split's pictures were not seen in training.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Dict, List, Tuple

from PIL import Image, ImageDraw

CAPTIONS_AN_IMAGE = 5
DARK_EVERY = 40
"""Of so many pictures one is dark, the fifth of them first."""

_DATE = (2020, 2, 10, 12, 0, 0)
"""Of every picture's file."""

_NAMES = {"train": "train", "validation": "val"}
_FIRST_IMAGE = {"train": 0, "validation": 23_431}
"""The published ids of the first images; an image's captions have five times its id and the next four."""

SHAPE_COLORS = ("red", "green", "blue", "yellow")
SHAPES = ("circle", "square", "triangle", "cross")
SURFACES = ("white table", "gray floor", "brown desk")

WORDINGS = {
    1: ("a {0} on a {1}", "there is a {0} on a {1}", "a {1} with a {0}"),
    2: (
        "a {0} to the left of a {1} on a {2}",
        "there is a {0} to the left of a {1} on a {2}",
        "a {1} to the right of a {0} on a {2}",
        "a {0} and a {1} on a {2}",
    ),
}
"""Shapes in a picture to what may be said of them, from left to right, and of the surface; the first is the usual."""

PRECANNED = "Quality issues are too severe to recognize visual content."
"""What people may choose instead of a caption, word for word as in VizWiz."""

REJECTED = ("nice", "i dont know", "see above")
"""What the data's makers do not take for a caption."""

_USUAL = 3
"""Chances of the usual wording, for one of every other."""

Color = Tuple[int, ...]

SIZE = (320, 240)
"""Width and height of a picture held upright."""

_PAINTS: Dict[str, Color] = {
    "red": (200, 30, 40),
    "green": (30, 140, 50),
    "blue": (40, 70, 200),
    "yellow": (230, 200, 40),
    "white table": (235, 235, 230),
    "gray floor": (128, 128, 132),
    "brown desk": (130, 85, 50),
}
_UNSTEADY = 16
"""How much brighter or darker a paint may be in one picture than in another."""

_QUALITY = 90
_ORIENTATION = 0x0112
_TURNS = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""EXIF orientation to how an upright picture is turned for it before it is stored."""

ORIENTATIONS = tuple(_TURNS)


@dataclass(frozen=True)
class Thing:
    """A coloured shape."""

    color: str
    shape: str

    def __str__(self) -> str:
        return f"{self.color} {self.shape}"


@dataclass(frozen=True)
class ShapeScene:
    """What a picture shows."""

    things: Tuple[Thing, ...]
    """From left to right."""

    surface: str
    has_text: bool
    """Whether there is a word in the picture, which no caption is about."""


def draw_shapes(random: Random) -> ShapeScene:
    """Draw two different things on a surface, or in one of four pictures a single one."""
    count = 1 if random.random() < 0.25 else 2
    every = [Thing(color, shape) for color in SHAPE_COLORS for shape in SHAPES]
    return ShapeScene(tuple(random.sample(every, count)), random.choice(SURFACES), random.random() < 0.3)


def caption(random: Random, scene: ShapeScene) -> str:
    """What somebody says of the picture, as a sentence with a full stop or without."""
    usual, *others = WORDINGS[len(scene.things)]
    wording = random.choice([usual] * _USUAL + others)
    text = wording.format(*scene.things, scene.surface)
    return text if random.random() < 0.5 else f"{text[0].upper()}{text[1:]}."


def sample_words() -> List[str]:
    """Every word and mark of the captions that are used, in the order of the alphabet."""
    fillings = (*SHAPE_COLORS, *SHAPES, *SURFACES)
    wordings = [wording.format("", "", "") for of_count in WORDINGS.values() for wording in of_count]
    words = {word for text in (*fillings, *wordings) for word in text.split()}
    return sorted({*words, *(wording.split()[0].capitalize() for wording in wordings), "."})


def write_captioned_images(directory: Path, seed: int, train: int, validation: int) -> Dict[str, str]:
    """Write so many images a split, with their captions, and return RawData's names of the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files: Dict[str, str] = {}
    for split, images in (("train", train), ("validation", validation)):
        files[f"{split}.captions"] = f"{split}.captions.json"
        files[f"{split}.images"] = f"{split}.images.zip"
        random = Random(f"{seed}/captions/{split}")
        scenes = [draw_shapes(random) for _ in range(images)]
        text = json.dumps(_document(random, split, scenes), ensure_ascii=False)
        (directory / files[f"{split}.captions"]).write_text(text + "\n", encoding="utf-8")
        _write_pictures(directory / files[f"{split}.images"], random, split, scenes)
    return files


def _document(random: Random, split: str, scenes: List[ShapeScene]) -> Dict[str, Any]:
    images: List[Dict[str, Any]] = []
    annotations: List[Dict[str, Any]] = []
    for number, scene in enumerate(scenes):
        name, text_detected = _file_name(split, number), scene.has_text and not _is_dark(number)
        image = _FIRST_IMAGE[split] + number
        images.append({"file_name": name, "vizwiz_url": "", "id": image, "text_detected": text_detected})
        for index in range(CAPTIONS_AN_IMAGE):
            described = {"id": CAPTIONS_AN_IMAGE * image + index, "image_id": image, "text_detected": text_detected}
            annotations.append({**_caption(random, scene, number, index), **described})
    info = {"description": "Generated captions in the format of VizWiz-Captions.", "version": "1.0"}
    return {"info": info, "images": images, "annotations": annotations}


def _caption(random: Random, scene: ShapeScene, number: int, index: int) -> Dict[str, Any]:
    """One of a picture's captions, and what the data's makers said of it; the second one always is a good one."""
    chance = random.random()
    precanned = _is_dark(number) or (chance < 0.04 and index != 1)
    rejected = not precanned and chance < 0.08 and index != 1
    text = PRECANNED if precanned else random.choice(REJECTED) if rejected else caption(random, scene)
    if number % DARK_EVERY == 1 and index == 1:
        text = text.replace(" on ", " \r\non ")
    return {"caption": text, "is_precanned": precanned, "is_rejected": rejected}


def _write_pictures(path: Path, random: Random, split: str, scenes: List[ShapeScene]) -> None:
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


def draw_picture(random: Random, scene: ShapeScene) -> Image.Image:
    """Draw a scene; positions, sizes and shades differ from one picture to the next."""
    picture = Image.new("RGB", SIZE, _paint(random, scene.surface))
    canvas = ImageDraw.Draw(picture)
    width = SIZE[0] // len(scene.things)
    for number, thing in enumerate(scene.things):
        middle = (number * width + width // 2 + random.randint(-12, 12), SIZE[1] // 2 + random.randint(-24, 24))
        _draw_thing(canvas, thing, middle, random.randint(48, 60), _paint(random, thing.color))
    if scene.has_text:
        canvas.text((random.randint(8, 240), random.choice((6, 222))), "SAMPLE", fill=(20, 20, 20))
    return picture


def draw_darkness(random: Random) -> Image.Image:
    """Draw what is seen when a finger covers the lens."""
    return Image.new("RGB", SIZE, tuple(random.randint(4, 24) for _ in range(3)))


def jpeg_file(picture: Image.Image, orientation: int) -> bytes:
    """Encode a picture as a camera does that was held so: turned, with the EXIF orientation that turns it back.

    The same Pillow gives the same bytes; another one's JPEG library may round otherwise.
    """
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    turn = _TURNS[orientation]
    stored = picture if turn is None else picture.transpose(turn)
    stream = io.BytesIO()
    stored.save(stream, "JPEG", quality=_QUALITY, exif=exif)
    return stream.getvalue()


def _paint(random: Random, name: str) -> Color:
    shade = random.randint(-_UNSTEADY, _UNSTEADY)
    return tuple(min(max(part + shade, 0), 255) for part in _PAINTS[name])


def _draw_thing(canvas: ImageDraw.ImageDraw, thing: Thing, middle: Tuple[int, int], radius: int, paint: Color) -> None:
    x, y = middle
    left, top, right, bottom = x - radius, y - radius, x + radius, y + radius
    if thing.shape == "circle":
        canvas.ellipse((left, top, right, bottom), fill=paint)
    elif thing.shape == "square":
        canvas.rectangle((left, top, right, bottom), fill=paint)
    elif thing.shape == "triangle":
        canvas.polygon([(x, top), (right, bottom), (left, bottom)], fill=paint)
    else:
        arm = radius // 3
        canvas.rectangle((left, y - arm, right, y + arm), fill=paint)
        canvas.rectangle((x - arm, top, x + arm, bottom), fill=paint)
