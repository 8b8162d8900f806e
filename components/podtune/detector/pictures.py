"""Pictures before and after a detector: decoded upright, in the size that it sees, and with its regions drawn on."""

from typing import Sequence, Tuple, Union

from PIL import Image, ImageDraw, ImageFont

from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from podtune.formats import pictures
from podtune.formats.ragged import Array

LONGEST_BY_SHORTEST = 50
"""A picture that is thinner has no pixel left of its shorter side in some layer."""

_COLORS = ("#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#17becf")
"""Taken in turn; dark enough for white letters."""

Font = Union[ImageFont.FreeTypeFont, ImageFont.ImageFont]


def open_picture(content: bytes, name: str) -> Image.Image:
    """Decode a picture file, upright and in RGB; BadInput names the picture and what is wrong with it."""
    try:
        picture = pictures.open_picture(content)
    except pictures.DamagedPicture as damage:
        raise BadInput(f"the picture {name} cannot be decoded: {damage}") from damage
    if max(picture.size) > LONGEST_BY_SHORTEST * min(picture.size):
        sides = f"is {picture.width} pixels wide and {picture.height} high"
        raise BadInput(f"the picture {name} {sides}; no side may be more than {LONGEST_BY_SHORTEST} times the other")
    return picture


def seen_size(width: int, height: int, config: DetectorConfig) -> Tuple[int, int]:
    """Width and height in which a detector sees a picture: the shorter side as long as the longer allows it."""
    scale = min(config.shorter_side / min(width, height), config.longest_side / max(width, height))
    return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


def regions_drawn(picture: Image.Image, boxes: Array, labels: Sequence[str]) -> Image.Image:
    """A copy of the picture with a frame and a label for each box, [boxes, 4] in shares of width and height.

    The first boxes, which are the most certain, are drawn last and so lie on top.
    """
    drawn = picture.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    thickness = max(1, round(min(drawn.size) / 250))
    font = ImageFont.load_default(size=max(10, min(drawn.size) / 40))
    numbered = list(enumerate(zip(boxes, labels)))
    for number, (box, label) in reversed(numbered):
        color = _COLORS[number % len(_COLORS)]
        left, top, right, bottom = box * (drawn.size * 2)
        pen.rectangle((left, top, right, bottom), outline=color, width=thickness)
        _write(pen, label, (left, top), color, font)
    return drawn


def _write(pen: ImageDraw.ImageDraw, label: str, corner: Sequence[float], color: str, font: Font) -> None:
    """Write the label in white on the color, in the box's upper left corner or as near to it as the picture allows."""
    width, height = pen.im.size
    across, down = pen.textbbox((0, 0), label, font=font)[2:]
    left = max(0, min(corner[0], width - across - 3))
    top = max(0, min(corner[1], height - down - 3))
    pen.rectangle((left, top, left + across + 2, top + down + 2), fill=color)
    pen.text((left + 1, top + 1), label, fill="white", font=font)
