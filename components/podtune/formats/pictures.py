"""Image files to pictures: upright, red, green and blue, whatever the file holds."""

import io
import struct
import zlib
from functools import lru_cache
from typing import List

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from podtune.formats.stand_ins import stand_in

MOST_PIXELS = 89_000_000
"""Of a file: below what Pillow warns of."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM")
"""Pillow knows more, some of which start other programs; some builds of it lack AVIF or JPEG 2000."""

_BEGINNINGS = (
    (slice(4, 12), (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1"), "a HEIC image"),
    (slice(4, 12), (b"ftypavif", b"ftypavis"), "an AVIF image"),
    (slice(4, 8), (b"jP  ",), "a JPEG 2000 image"),
)
"""Where a file says of which kind it is, of kinds that may not be read here."""

PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # long notes beside the pixels cost no picture

_DAMAGES = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for damaged files, also where warnings are errors."""


class DamagedPicture(Exception):
    """Why a file cannot be decoded, such as: it is no image."""


def open_picture(content: bytes, least: int = 0) -> Image.Image:
    """Decode an image file, upright and in RGB; DamagedPicture where that cannot be done.

    A JPEG may be decoded smaller, as long as neither side has fewer than `least` pixels; 0 for its own size.

    Of a moving picture the first frame counts; what is transparent shows its hidden colour.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_formats()) as image:
            if image.width * image.height > MOST_PIXELS:
                raise DamagedPicture(f"it has {image.width} x {image.height} pixels, more than {MOST_PIXELS:,}")
            if least:
                image.draft(None, (least, least))
            return _in_rgb(_upright(image))
    except UnidentifiedImageError as error:
        raise DamagedPicture(_what_else(content)) from error
    except _DAMAGES as error:
        raise DamagedPicture(" ".join(str(error).split()) or type(error).__name__) from error


def _what_else(content: bytes) -> str:
    """Say what a file is that Pillow does not know."""
    kinds = [kind for place, beginnings, kind in _BEGINNINGS if content[place] in beginnings]
    if kinds:
        return f"it is {kinds[0]}, which is not read here; convert it to JPEG or PNG"
    instead = stand_in(content)
    return f"it {instead}" if instead else "it is no image"


@lru_cache(maxsize=None)
def _formats() -> List[str]:
    """Those that this build of Pillow has; it fails on the names of others."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its notes say; as it is, where these cannot be read."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except _DAMAGES:
        return image


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would make all that is brighter than a 256th white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DamagedPicture("its pixels are numbers of an unknown range")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # else Pillow warns
    return image.convert("RGB")
