"""The regions of a picture, and LXMERT's file of them."""

import base64
from dataclasses import dataclass

import numpy as np

from podtune.formats.ragged import Array


@dataclass(frozen=True)
class Regions:
    """The regions of one picture, those that no better one overlaps first, and of these the most certain first."""

    features: Array
    """float32 [regions, size]."""

    boxes: Array
    """float32 [regions, 4]: left, top, right, bottom in shares of width and height."""

    objects: Array
    """int64 [regions]; numbers of the Visual Genome vocabulary, without the background."""

    object_confidences: Array
    """float32 [regions]."""

    attributes: Array
    """int64 [regions]."""

    attribute_confidences: Array
    """float32 [regions]."""

    width: int
    """Of the upright picture, in pixels."""

    height: int


def tsv_line(name: str, regions: Regions) -> str:
    """The line, with its end, that the published files of regions would have of a picture."""
    sides = np.array([regions.width, regions.height, regions.width, regions.height], dtype=np.float32)
    encoded = [
        base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")
        for array, kind in (
            (regions.objects, "<i8"),
            (regions.object_confidences, "<f4"),
            (regions.attributes, "<i8"),
            (regions.attribute_confidences, "<f4"),
            (regions.boxes * sides, "<f4"),
            (regions.features, "<f4"),
        )
    ]
    count = str(len(regions.boxes))
    return "\t".join([name, str(regions.height), str(regions.width), *encoded[:4], count, *encoded[4:]]) + "\n"
