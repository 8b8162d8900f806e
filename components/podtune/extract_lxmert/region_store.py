"""The regions of a split's images on their way to the disk: a row for each image that some question asks about."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import numpy as np

from podtune.formats.ragged import Array
from podtune.tasks.visual_question_answering.questions import BOXES, FEATURES, IMAGES

FEATURE_SIZE = 2048
_LARGEST = 65504.0
"""Of float16."""

_OUTSIDE = 1e-5
"""So far may a box reach out of its picture, in shares of the picture: the original authors' number."""


class BadRegions(Exception):
    """Why the regions of one image cannot be used."""


@dataclass(frozen=True)
class RegionStore:
    """Two memory-mapped arrays; several processes may write different rows at the same time."""

    features: Array
    """float16 [images, regions, 2048]; rows are zero until something is put there."""

    boxes: Array
    """float32 [images, regions, 4]."""

    copy: Callable[[Array, Array], None] = np.copyto
    """Round the second to float16 into the first."""

    def put(self, row: int, features: Array, boxes: Array) -> None:
        """Put an image's regions into a row; `boxes` are in shares of its width and height.

        BadRegions, and nothing is put, where a value is not finite or a box lies outside the picture.
        """
        if not np.isfinite(boxes).all():
            raise BadRegions("a box is not finite")
        if boxes.min() < -_OUTSIDE or boxes.max() > 1 + _OUTSIDE:
            reached = f"from {boxes.min():.6g} to {boxes.max():.6g} of the picture"
            raise BadRegions(f"its boxes reach {reached}; they must lie between 0 and 1")
        if not (features.max() <= _LARGEST and features.min() >= -_LARGEST):  # neither holds for NaN
            raise BadRegions(f"a feature is not finite, or beyond {_LARGEST:,.0f}, the most that float16 holds")
        self.copy(self.features[row], features)
        self.boxes[row] = boxes

    def clear(self, row: int) -> None:
        """Take an image's regions away again."""
        self.features[row] = 0
        self.boxes[row] = 0


def create_store(directory: Path, images: Sequence[str], regions: int) -> None:
    """Make the files of a split, with a row for each image, in which nothing is yet."""
    (directory / IMAGES).write_text(json.dumps(list(images), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    for name, kind, size in ((FEATURES, np.float16, FEATURE_SIZE), (BOXES, np.float32, 4)):
        shape = (len(images), regions, size)
        np.lib.format.open_memmap(directory / f"{name}.npy", mode="w+", dtype=kind, shape=shape).flush()


def open_store(directory: Path) -> RegionStore:
    """Open a split's files for writing."""
    features, boxes = (np.load(directory / f"{name}.npy", mmap_mode="r+") for name in (FEATURES, BOXES))
    return RegionStore(np.asarray(features), np.asarray(boxes))


def open_fast_store(directory: Path) -> RegionStore:
    """The same, with torch's rounding, which takes a fortieth of numpy's time and a second to be loaded."""
    import torch

    def copy(target: Array, values: Array) -> None:
        torch.from_numpy(target).copy_(torch.from_numpy(values))

    torch.set_num_threads(1)  # every process has a core of its own
    store = open_store(directory)
    return RegionStore(store.features, store.boxes, copy)


def rows_of_images(directory: Path) -> Dict[str, int]:
    """The row of each image that has one."""
    names: List[str] = json.loads((directory / IMAGES).read_text(encoding="utf-8"))
    return {name: row for row, name in enumerate(names)}
