"""Files that hold SQuAD's questions: JSON, JSON Lines, Parquet or Arrow, each also as .gz; told by their content."""

import contextlib
from dataclasses import dataclass
from typing import Any, Collection, Iterator, List, Tuple

from podtune.errors import BadInput
from podtune.formats.json_files import json_lines, json_values, parse_line
from podtune.formats.packed import read_unpacked
from podtune.formats.raw_data import DataFile
from podtune.formats.tables import PARQUET, open_table

_ARROW = b"ARROW1", b"\xff\xff\xff\xff"
"""How a file and a stream of Arrow's begin."""

_HEADER = "header"
"""The only key of the first line of MRQA's files, which describes them."""

_WANTED = "JSON or JSON Lines in UTF-8, Parquet or Arrow, as it is or as .gz"


@dataclass(frozen=True)
class DamagedLine:
    """A line of JSON Lines that is no JSON."""

    reason: str


def read_values(file: DataFile, columns: Collection[str]) -> Iterator[Tuple[str, Any]]:
    """Read a file's values, each with its place; of a table these columns, and BadInput where it has none of them."""
    content = read_unpacked(file, "a SQuAD file")
    if content.startswith((PARQUET, *_ARROW)):
        return _read_table(file, columns)
    try:
        values = json_values(content, _WANTED, str(file))
    except BadInput:
        values = _values_of_lines(content)
        if not values:
            raise
    if len(values) > 1 and isinstance(values[0][1], dict) and list(values[0][1]) == [_HEADER]:
        values = values[1:]
    only = values[0][1]
    if len(values) == 1 and isinstance(only, list):
        return ((f"entry {number}", value) for number, value in enumerate(only))
    if len(values) == 1 and isinstance(only, dict) and "data" in only:
        return iter([("", only)])
    return ((f"line {line}", value) for line, value in values)


def _read_table(file: DataFile, columns: Collection[str]) -> Iterator[Tuple[str, Any]]:
    table = open_table(file, columns)
    known = [name for name in table.names if name in columns]
    if not known:
        raise BadInput(f"{file} is not SQuAD: it has no column context; it has {', '.join(table.names)}")
    return ((f"row {number}", row) for number, row in enumerate(table.rows(known)))


def _values_of_lines(content: bytes) -> List[Tuple[int, Any]]:
    """The values of JSON Lines of which some are damaged; none where they are no such lines, or are cut off."""
    values: List[Tuple[int, Any]] = []
    with contextlib.suppress(UnicodeDecodeError):
        for number, line in json_lines(content):
            try:
                values.append((number, parse_line(line)))
            except ValueError as error:
                values.append((number, DamagedLine(" ".join(str(error).split()))))
    whole = [value for _, value in values if isinstance(value, dict)]
    is_whole = len(whole) * 2 > len(values) and not isinstance(values[-1][1], DamagedLine)
    return values if is_whole else []
