"""Image files to pictures: upright, red, green and blue, whatever the file holds."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_PIXELS = 89_000_000
"""Of a file: below what Pillow warns of."""

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


class DamagedPicture(Exception):
    """Why a file cannot be decoded, such as: it is no image."""


def open_picture(content: bytes) -> Image.Image:
    """Decode an image file, upright and in RGB; DamagedPicture where that cannot be done.

    Of a moving picture the first frame counts; what is transparent shows its hidden colour.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise DamagedPicture(f"it has {image.width} x {image.height} pixels, more than {MOST_PIXELS:,}")
            return _in_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise DamagedPicture("it is no image") from error
    except _DAMAGES as error:
        raise DamagedPicture(" ".join(str(error).split()) or type(error).__name__) from error


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would make all that is brighter than a 256th white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DamagedPicture("its pixels are numbers of an unknown range")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # else Pillow warns
    return image.convert("RGB")
