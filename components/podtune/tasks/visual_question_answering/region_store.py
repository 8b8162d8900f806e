"""The regions of a split's images on their way to the disk: a row for each image that some question asks about."""

import contextlib
import json
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

import numpy as np

from podtune.formats.ragged import Array
from podtune.tasks.visual_question_answering.questions import BOXES, IMAGES, REGION_FEATURES

FEATURE_SIZE = 2048
_LARGEST = 65504.0
"""Of float16."""

_AT_ONCE = 12
"""Regions that are rounded at a time: 98 kB, which glibc keeps when they are freed. The pages of larger arrays it gives
back, and asking for them again took four fifths of the time."""

_OUTSIDE = 1e-5
"""How far a box may extend beyond its picture, in shares of the picture: the original authors' tolerance."""


class BadRegions(Exception):
    """Why the regions of one image cannot be used."""


@dataclass(frozen=True)
class _Rows:
    """A .npy file whose rows are written, not mapped: on a full disk that is an error and not the process's end.

    Several threads may write, each another row.
    """

    file: FileIO
    start: int
    """Of the first row, in bytes."""

    row: Array
    """A row of zeros."""

    def write(self, number: int, values: Array) -> None:
        """Write one row."""
        left = np.ascontiguousarray(values, dtype=self.row.dtype).reshape(-1).view(np.uint8).data
        place = self.start + number * self.row.nbytes
        while left:
            written = os.pwrite(self.file.fileno(), left, place)
            left, place = left[written:], place + written

    def holds(self, number: int, values: Array) -> bool:
        """Whether a row has these values."""
        held = os.pread(self.file.fileno(), self.row.nbytes, self.start + number * self.row.nbytes)
        return held == np.ascontiguousarray(values, dtype=self.row.dtype).tobytes()


@dataclass(frozen=True)
class RegionStore:
    """Two files that are open for writing."""

    features: _Rows
    """float16 [images, regions, 2048]; rows are zero until something is put there."""

    boxes: _Rows
    """float32 [images, regions, 4]."""

    def put(self, row: int, features: Array, boxes: Array) -> None:
        """Put an image's regions into a row; `boxes` are in shares of its width and height.

        BadRegions, and nothing is put, where a value is not finite or a box lies outside the picture.
        """
        if not np.isfinite(boxes).all():
            raise BadRegions("a box is not finite")
        if boxes.min() < -_OUTSIDE or boxes.max() > 1 + _OUTSIDE:
            extent = f"from {boxes.min():.6g} to {boxes.max():.6g} of the picture"
            raise BadRegions(f"its boxes extend {extent}; they must lie between 0 and 1")
        if not (features.max() <= _LARGEST and features.min() >= -_LARGEST):  # neither holds for NaN
            raise BadRegions(f"a feature is not finite, or beyond {_LARGEST:,.0f}, the most that float16 holds")
        self.features.write(row, to_half(features))
        self.boxes.write(row, boxes)

    def holds(self, row: int, features: Array, boxes: Array) -> bool:
        """Whether a row has these regions, as `put` would put them there."""
        return self.boxes.holds(row, boxes) and self.features.holds(row, to_half(features))

    def clear(self, row: int) -> None:
        """Take an image's regions away again."""
        self.features.write(row, self.features.row)
        self.boxes.write(row, self.boxes.row)


def create_store(directory: Path, images: Sequence[str], regions: int) -> None:
    """Make the files of a split, with a row for each image, in which nothing is yet."""
    (directory / IMAGES).write_text(json.dumps(list(images), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    for name, kind, size in ((REGION_FEATURES, np.float16, FEATURE_SIZE), (BOXES, np.float32, 4)):
        shape = (len(images), regions, size)
        np.lib.format.open_memmap(directory / f"{name}.npy", mode="w+", dtype=kind, shape=shape).flush()


@contextlib.contextmanager
def open_region_store(directory: Path) -> Iterator[RegionStore]:
    """Open a split's files for writing."""
    with _open_rows(directory / f"{REGION_FEATURES}.npy") as features, _open_rows(directory / f"{BOXES}.npy") as boxes:
        yield RegionStore(features, boxes)


@contextlib.contextmanager
def _open_rows(path: Path) -> Iterator[_Rows]:
    mapped = np.load(path, mmap_mode="r")
    with FileIO(str(path), "r+") as file:
        yield _Rows(file, mapped.offset, np.zeros(mapped.shape[1:], mapped.dtype))


def rows_of_images(directory: Path) -> Dict[str, int]:
    """The row of each image that has one."""
    names: List[str] = json.loads((directory / IMAGES).read_text(encoding="utf-8"))
    return {name: row for row, name in enumerate(names)}


def to_half(values: Array) -> Array:
    """Round float32 within float16's range to float16, the nearest and of two equally near ones the even.

    numpy's own rounding took most of the time that a row takes. Scaled down, a float32 has float16's exponent, and its
    bits are float16's with 13 more. Below 2**-14 the scaling itself rounds, so that a tie of 2**-25 may go either way.
    """
    rounded = np.empty(values.shape, dtype=np.float16)
    for start in range(0, len(values), _AT_ONCE):
        _round_into(rounded[start : start + _AT_ONCE].view(np.uint16), values[start : start + _AT_ONCE])
    return rounded


def _round_into(half: Array, values: Array) -> None:
    bits = np.multiply(values, np.float32(2.0**-112)).view(np.uint32)
    sign = (bits >> np.uint32(16)).astype(np.uint16) & np.uint16(0x8000)
    bits &= np.uint32(0x7FFFFFFF)
    bits += (bits >> np.uint32(13)) & np.uint32(1)
    bits += np.uint32(0xFFF)
    bits >>= np.uint32(13)
    np.bitwise_or(bits.astype(np.uint16), sign, out=half)
