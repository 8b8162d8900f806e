"""One row of LXMERT's region files: ten columns, of which six are arrays in base64."""

import binascii
import mmap
from typing import List, Sequence, Tuple, Union

import numpy as np
import pybase64

from podtune.formats.ragged import Array
from podtune.tasks.visual_question_answering.region_store import FEATURE_SIZE, BadRegions

COLUMNS = "img_id img_h img_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features".split()  # noqa: SIM905
_NAME, _HEIGHT, _WIDTH, _COUNT = (COLUMNS.index(name) for name in ("img_id", "img_h", "img_w", "num_boxes"))
_BYTES = {"objects_id": 8, "objects_conf": 4, "attrs_id": 8, "attrs_conf": 4, "boxes": 16, "features": 4 * FEATURE_SIZE}
"""Column to the bytes that a region takes in it."""


def columns_of(content: Union[bytes, mmap.mmap], begin: int, end: int) -> List[memoryview]:
    """Find the ten columns of the row between two offsets, its line end excluded; nothing is copied."""
    bounds = [begin - 1]
    while (offset := content.find(b"\t", bounds[-1] + 1, end)) >= 0:
        bounds.append(offset)
    if len(bounds) != len(COLUMNS):
        raise BadRegions(f"it has {len(bounds)} columns; a row of region features has {len(COLUMNS)}")
    view = memoryview(content)
    return [view[first + 1 : last] for first, last in zip(bounds, [*bounds[1:], end])]


def name_of(columns: Sequence[memoryview]) -> str:
    """The image's name."""
    try:
        name = bytes(columns[_NAME]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRegions("img_id is no text in UTF-8") from error
    if not name:
        raise BadRegions("img_id is empty")
    return name


def regions_of(columns: Sequence[memoryview], regions: int) -> Tuple[Array, Array]:
    """Features, float32 [regions, 2048], and boxes, float32 [regions, 4] in shares of the picture's width and height.

    BadRegions unless every column is complete.
    """
    count = _number(columns, _COUNT)
    if count != regions:
        raise BadRegions(f"num_boxes is {count}; it must be {regions}, as features.regions says")
    arrays = {name: _decode(columns, name, regions) for name in _BYTES}
    size = np.array([_number(columns, _WIDTH), _number(columns, _HEIGHT)] * 2, dtype=np.float32)
    boxes = np.frombuffer(arrays["boxes"], dtype="<f4").reshape(regions, 4) / size
    return np.frombuffer(arrays["features"], dtype="<f4").reshape(regions, FEATURE_SIZE), boxes


def _number(columns: Sequence[memoryview], column: int) -> int:
    digits = bytes(columns[column])
    if not digits.isdigit() or len(digits) > 6 or int(digits) == 0:
        shown = digits[:20].decode("ascii", "replace")
        raise BadRegions(f"{COLUMNS[column]} must be a whole number from 1; got {shown!r}")
    return int(digits)


def _decode(columns: Sequence[memoryview], name: str, regions: int) -> bytearray:
    encoded, size = columns[COLUMNS.index(name)], regions * _BYTES[name]
    wanted = -(-size // 3) * 4
    if len(encoded) != wanted:
        raise BadRegions(f"{name} has {len(encoded):,} characters of base64; {regions} regions take {wanted:,}")
    try:
        decoded = pybase64.b64decode_as_bytearray(encoded, validate=True)
    except binascii.Error as error:
        raise BadRegions(f"{name} is not base64: {error}") from error
    if len(decoded) != size:
        raise BadRegions(f"{name} holds {len(decoded):,} bytes; {regions} regions take {size:,}")
    return decoded
