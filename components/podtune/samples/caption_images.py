"""The pictures of a generated captioning data set, drawn and stored as JPEG files."""

import io
from random import Random
from typing import Dict, Tuple

from PIL import Image, ImageDraw

from podtune.samples.caption_scenes import Scene, Thing

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
_TURNS = {
    1: None,
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation to how an upright picture is turned for it before it is stored."""

ORIENTATIONS = tuple(_TURNS)


def draw_picture(random: Random, scene: Scene) -> Image.Image:
    """Draw a scene; places, sizes and shades differ from one picture to the next."""
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
