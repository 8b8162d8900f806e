"""The rows of LXMERT's region files: ten tab-separated columns, of which six are arrays in base64."""

import binascii
import mmap
import re
from pathlib import Path
from typing import Iterator, List, Optional, Protocol, Sequence, Tuple, Union

import numpy as np
import pybase64

from podtune.formats.ragged import Array
from podtune.tasks.visual_question_answering.region_store import FEATURE_SIZE, BadRegions

COLUMNS = "img_id img_h img_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features".split()  # noqa: SIM905
_NAME, _HEIGHT, _WIDTH, _COUNT = (COLUMNS.index(name) for name in ("img_id", "img_h", "img_w", "num_boxes"))
_BYTES = {"objects_id": 8, "objects_conf": 4, "attrs_id": 8, "attrs_conf": 4, "boxes": 16, "features": 4 * FEATURE_SIZE}
"""Column to the bytes that a region takes in it."""

Content = Union[mmap.mmap, bytes]
"""What rows are found in."""

_HEADER = [name.encode() for name in COLUMNS]
_FIELD = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|((?!")[^\t\r\n]*))(\t|\r*\n|\r*\Z)')
_LONGEST_ROW = 16 << 20
"""Bytes in which a row with quotes has to end; one of 36 regions has 395 kB."""

_BLOCK = 4 << 20
"""Bytes of a stream that are read at a time."""


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int) -> bytes:
        """Return so many of the next bytes, or fewer; none where there are no more."""


def rows_of(path: Path) -> Iterator[Tuple[List[memoryview], int]]:
    """Map a file, and find each row's fields and the offset of the next row; nothing is copied.

    A row is what csv.DictWriter writes: its line may end with CR LF, a field may stand in quotes and hold line ends,
    and a row of the columns' names may come first, which is left out. So are empty lines. A row whose quotes do not
    match has no fields.
    """
    if not path.stat().st_size:
        return
    with path.open("rb") as opened:
        content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    yield from _rows_in(content, at_start=True)


def rows_of_stream(stream: Stream) -> Iterator[Tuple[List[memoryview], int]]:
    """The same of what can only be read from its beginning to its end, such as a member of a zip."""
    content, offset, block = b"", 0, b"first"
    while block:
        block = stream.read(_BLOCK)
        content += block
        begin = 0
        for fields, end in _rows_in(content, at_start=not offset):
            is_whole = end < len(content) and fields  # quotes may match further on
            if block and not is_whole and len(content) - begin < _LONGEST_ROW:
                break
            yield fields, offset + end
            begin = end
        content, offset = content[begin:], offset + begin


def _rows_in(content: Content, *, at_start: bool) -> Iterator[Tuple[List[memoryview], int]]:
    begin = 0
    while begin < len(content):
        fields, end = _fields(content, begin)
        if fields != [b""] and (begin or not at_start or fields != _HEADER):
            yield fields, end
        begin = end


def _fields(content: Content, begin: int) -> Tuple[List[memoryview], int]:
    newline = content.find(b"\n", begin)
    after = newline + 1 if newline >= 0 else len(content)
    end = newline if newline >= 0 else len(content)
    while content[max(begin, end - 1) : end] == b"\r":
        end -= 1
    bounds = [begin - 1]
    while (offset := content.find(b"\t", bounds[-1] + 1, end)) >= 0:
        bounds.append(offset)
    if content.find(b'"', begin, bounds[-1] + 2) >= 0:  # a quote that counts begins a field; the last is the long one
        return _quoted_fields(content, begin) or ([], after)
    view = memoryview(content)
    return [view[first + 1 : last] for first, last in zip(bounds, [*bounds[1:], end])], after


def _quoted_fields(content: Content, begin: int) -> Optional[Tuple[List[memoryview], int]]:
    fields, limit = [], begin + _LONGEST_ROW
    while field := _FIELD.match(content, begin, limit):
        quoted, plain, separator = field.groups()
        fields.append(memoryview(plain if quoted is None else quoted.replace(b'""', b'"')))
        begin = field.end()
        if separator != b"\t":
            return fields, begin
    return None


def name_of(columns: Sequence[memoryview]) -> str:
    """The image's name; BadRegions where the row has none, or another number of columns."""
    if len(columns) != len(COLUMNS):
        count = f"it has {len(columns)} columns; a row of region features has {len(COLUMNS)}"
        raise BadRegions(count if columns else "a quote in it is not closed before a tab or the line's end")
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
