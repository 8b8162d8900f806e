"""Files that hold SQuAD's questions: JSON, JSON Lines or Parquet, each also packed by gzip; told by their content."""

from typing import Any, Collection, Iterator, Tuple

from podtune.errors import BadInput
from podtune.formats.json_files import json_values
from podtune.formats.packed import read_unpacked
from podtune.formats.raw_data import DataFile
from podtune.formats.tables import PARQUET, open_table

_WANTED = "JSON or JSON Lines in UTF-8, or Parquet, as it is or as .gz"


def read_values(file: DataFile, columns: Collection[str]) -> Iterator[Tuple[str, Any]]:
    """Read a file's values, each with its place; of a table these columns, and BadInput where it has none of them."""
    content = read_unpacked(file, "a SQuAD file")
    if content.startswith(PARQUET):
        return _read_table(file, columns)
    values = json_values(content, _WANTED, str(file))
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
