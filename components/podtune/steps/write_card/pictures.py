"""The images that a model described, small enough for a report."""

import io
from typing import List, Sequence

from PIL import Image

from podtune.formats.features import Features
from podtune.tasks.image_captioning.captions import open_captions

_LARGEST = 224
"""Pixels of a side."""

_QUALITY = 80


def pictures_of(features: Features, split: str, rows: Sequence[int]) -> List[bytes]:
    """Encode the images of some of a split's rows as JPEG; none for a task whose features have no pixels."""
    if features.facts.task != "image-captioning":
        return []
    images = open_captions(features.path, split).images
    return [_jpeg(Image.fromarray(images[row])) for row in rows]


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((_LARGEST, _LARGEST))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return stream.getvalue()
