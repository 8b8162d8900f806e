"""Picture files to upright pictures, in the size that a detector sees them in."""

import io
import struct
import zlib
from typing import Tuple

from PIL import Image, ImageOps

from podtune.errors import BadInput
from podtune.extract_lxmert.detector.settings import DetectorConfig

MOST_PIXELS = 89_000_000
"""Of a file: below what Pillow warns of."""

LONGEST_BY_SHORTEST = 50
"""A picture that is thinner has no pixel left of its shorter side in some layer."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""Pillow knows more, some of which start other programs."""

_DAMAGES = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for damaged files."""


def open_picture(content: bytes, name: str) -> Image.Image:
    """Decode a picture file, upright and in RGB; BadInput names the picture and what is wrong with it."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_size(image, name)
            return ImageOps.exif_transpose(image).convert("RGB")
    except _DAMAGES as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        known = ", ".join(_FORMATS)
        what = f"is no image of a known kind: {known}" if "cannot identify" in reason else f"is damaged: {reason}"
        raise BadInput(f"the picture {name} {what}") from error


def seen_size(width: int, height: int, config: DetectorConfig) -> Tuple[int, int]:
    """Width and height in which a detector sees a picture: the shorter side as long as the longer allows it."""
    scale = min(config.shorter_side / min(width, height), config.longest_side / max(width, height))
    return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        pixels = f"{image.width} x {image.height} pixels"
        raise BadInput(f"the picture {name} has {pixels}; it may have {MOST_PIXELS:,} at most")
    if max(image.size) > LONGEST_BY_SHORTEST * min(image.size):
        sides = f"is {image.width} pixels wide and {image.height} high"
        raise BadInput(f"the picture {name} {sides}; no side may be more than {LONGEST_BY_SHORTEST} times the other")
