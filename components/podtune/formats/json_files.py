"""Strict readers of published JSON: every message names the file and the position in it."""

import codecs
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NoReturn, Set, Tuple

from podtune.errors import BadInput
from podtune.parsing import parse_json, parse_json_values

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def read_json(path: Path, wanted: str = "JSON in UTF-8", shown: str = "") -> Any:
    """Read a file; BadInput where it is missing, cut off or no JSON, or gives an object's key twice.

    Complaints say what was `wanted` and show the path, or instead what the user calls it.
    """
    shown = shown or str(path)
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInput(f"{shown} is no file; it should be {wanted}") from error
    return _parse(content, wanted, shown, parse_json)


def json_values(content: bytes, wanted: str, shown: str) -> List[Tuple[int, Any]]:
    """Parse one JSON value, or several as in JSON Lines, each with its line; BadInput as `read_json` has it."""
    values: List[Tuple[int, Any]] = _parse(content, wanted, shown, parse_json_values)
    return values


def json_lines(content: bytes) -> Iterator[Tuple[int, str]]:
    """The lines of a file that are not empty, each with its number; ValueError where it is no text."""
    lines = _decoded(content).split("\n")
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def parse_line(line: str) -> Any:
    """Parse one line as `read_json` does a file; ValueError where it is no JSON."""
    return parse_json(line, object_pairs_hook=_object)


def _decoded(content: bytes) -> str:
    """A text in UTF-8, or in what its first bytes say."""
    marked = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for encoding, marks in zip(("utf-32", "utf-16"), marked):
        if content.startswith(marks):
            return content.decode(encoding)
    return content.decode("utf-8-sig")


def _parse(content: bytes, wanted: str, shown: str, parse: Callable[..., Any]) -> Any:
    try:
        text = _decoded(content)
        if not text.strip():
            raise BadInput(f"{shown} is empty; it should be {wanted}")
        return parse(text, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{shown} is not {wanted}: line {line}: {error}") from error
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and _is_cut_off(error):
            raise BadInput(f"{shown} is cut off: its JSON ends unfinished after {len(text)} characters") from error
        raise BadInput(f"{shown} is not {wanted}: {' '.join(str(error).split())}") from error


def read_object(path: Path, shown: str = "") -> Dict[str, Any]:
    """Read a file that holds one object, such as a model's config.json."""
    values = read_json(path, shown=shown)
    if not isinstance(values, dict):
        raise BadInput(f"{shown or path} must hold an object; got {type(values).__name__}")
    return values


def field(holder: Any, key: str, kinds: Tuple[type, ...], where: str, form: str = "") -> Any:
    """Return `holder[key]`, which must be of exactly one of these kinds; complaints say that it is not `form`."""
    if type(holder) is dict and type(holder.get(key, ...)) in kinds:  # first, as a data set has millions
        return holder[key]
    it = f"{where} is not {form}: it" if form else where
    if type(holder) is not dict:
        _refuse(f"{it} must be an object with {key!r}", holder)
    if key not in holder:
        raise BadInput(f"{it} has no {key!r}; it has {', '.join(map(repr, holder)) or 'nothing'}")
    return of_kind(holder[key], kinds, f"{where} is not {form}: {key}" if form else f"{where}: {key}")


def text(holder: Any, key: str, where: str, form: str = "") -> str:
    """Return a text that can be written in UTF-8."""
    value: str = field(holder, key, (str,), where, form)
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadInput(f"{where}: {key} holds half a character at {error.start}: a lone surrogate") from error
    return value


def words(holder: Any, key: str, where: str) -> str:
    """Return a text that is more than white space."""
    value = text(holder, key, where)
    if not value.strip():
        raise BadInput(f"{where}: {key} is empty; it must have a word")
    return value


def of_kind(value: Any, kinds: Tuple[type, ...], where: str) -> Any:
    """Return the value, which must be of exactly one of these kinds."""
    if type(value) not in kinds:
        _refuse(f"{where} must be {' or '.join(_KINDS[kind] for kind in kinds)}", value)
    return value


def _is_cut_off(error: json.JSONDecodeError) -> bool:
    return error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")


def _object(pairs: Any) -> Any:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: Set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} is given twice in an object")
    return found


def _refuse(wanted: str, value: Any) -> NoReturn:
    raise BadInput(f"{wanted}; got {_KINDS.get(type(value), json.dumps(value))}")
