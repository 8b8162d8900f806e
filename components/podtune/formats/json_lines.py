"""Files of JSON lines: one value a line, in UTF-8."""

import json
from pathlib import Path
from typing import Any, Iterable, Iterator

from podtune.errors import BadInput
from podtune.parsing import parse_json

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def json_line(value: Any) -> str:
    """Encode one value with its line feed; ValueError for numbers that are not finite."""
    return _ENCODER.encode(value) + "\n"


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one value a line."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(map(json_line, values))


def read_json_lines(path: Path, complaint: str = "is not JSON; make the artifact again") -> Iterator[Any]:
    """Read one value a line; BadInput names the first line that is damaged."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield parse_json(line)
            except ValueError as error:
                raise BadInput(f"{path} line {number} {complaint}") from error
