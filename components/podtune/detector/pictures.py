"""Picture files to upright pictures, in the size that a detector sees them in."""

from typing import Tuple

from PIL import Image

from podtune.detector.settings import DetectorConfig
from podtune.errors import BadInput
from podtune.formats import pictures

LONGEST_BY_SHORTEST = 50
"""A picture that is thinner has no pixel left of its shorter side in some layer."""


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
