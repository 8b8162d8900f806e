"""Files that hold SQuAD's questions: JSON, JSON Lines, Parquet or Arrow, each also as .gz; told by their content."""

import contextlib
import gzip
import zlib
from dataclasses import dataclass
from typing import Any, Collection, Iterator, List, Tuple

from podtune.errors import BadInput
from podtune.formats.json_files import json_lines, json_values, parse_line
from podtune.formats.raw_data import DataFile

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
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
    content = _unpacked(file)
    if content.startswith((_PARQUET, *_ARROW)):
        return ((f"row {number}", row) for number, row in enumerate(_read_table(content, file, columns)))
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


def _unpacked(file: DataFile) -> bytes:
    try:
        content = file.path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInput(f"{file} is no file; it should be a SQuAD file") from error
    try:
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{file} is cut off or damaged gzip: {error}") from error


def _read_table(content: bytes, file: DataFile, columns: Collection[str]) -> List[Any]:
    import pyarrow

    try:
        table = _open_table(pyarrow.BufferReader(content), content)
        known = [name for name in table.column_names if name in columns]
        if not known:
            raise BadInput(f"{file} is not SQuAD: it has no column context; it has {', '.join(table.column_names)}")
        return table.select(known).to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types
    except (pyarrow.ArrowException, OSError) as error:
        kind = "Parquet" if content.startswith(_PARQUET) else "Arrow"
        raise BadInput(f"{file} is cut off or damaged {kind}: {' '.join(str(error).split())}") from error


def _open_table(reader: Any, content: bytes) -> Any:
    """Read a whole table: of Parquet, of Arrow's file, or of Arrow's stream, which `datasets` writes."""
    import pyarrow.parquet

    if content.startswith(_PARQUET):
        return pyarrow.parquet.read_table(reader)
    opened = pyarrow.ipc.open_file if content.startswith(_ARROW[0]) else pyarrow.ipc.open_stream
    return opened(reader).read_all()
