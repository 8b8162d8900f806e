"""Picture files to upright pictures, in the size that a detector sees them in."""

import io
import struct
import zlib
from typing import Tuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

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
    Image.DecompressionBombWarning,
)
"""What Pillow raises for damaged files, also where warnings are errors."""


def open_picture(content: bytes, name: str) -> Image.Image:
    """Decode a picture file, upright and in RGB; BadInput names the picture and what is wrong with it.

    Of a moving picture the first frame counts; what is transparent shows its hidden colour.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_size(image, name)
            return _in_rgb(ImageOps.exif_transpose(image), name)
    except UnidentifiedImageError as error:
        raise BadInput(f"the picture {name} is no image of a known kind: {', '.join(_FORMATS)}") from error
    except _DAMAGES as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"the picture {name} is damaged: {reason}") from error


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


def _in_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would make all that is brighter than a 256th white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BadInput(f"the picture {name} has pixels of an unknown range; they must be colours or greys")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # else Pillow warns
    return image.convert("RGB")
