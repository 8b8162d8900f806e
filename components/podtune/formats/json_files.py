"""JSON files of other people, read strictly: every mistake is told with its place."""

import json
from pathlib import Path
from typing import Any, NoReturn, Tuple

from podtune.errors import BadInput

_KINDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number"}


def read_json(path: Path) -> Any:
    """Read a file in UTF-8; BadInput where it is missing or no JSON, or gives an object's key twice."""
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_object)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInput(f"{path} is no file; it should be JSON") from error
    except ValueError as error:
        raise BadInput(f"{path} is not JSON in UTF-8: {' '.join(str(error).split())}") from error


def field(holder: Any, key: str, kinds: Tuple[type, ...], place: str) -> Any:
    """What `holder` has under `key`, which must be there and of exactly one of these kinds."""
    if type(holder) is not dict:
        _refuse(f"{place} must be an object with {key!r}", holder)
    if key not in holder:
        raise BadInput(f"{place} has no {key!r}; it has {', '.join(map(repr, holder)) or 'nothing'}")
    return of_kind(holder[key], kinds, f"{place}: {key}")


def text(holder: Any, key: str, place: str) -> str:
    """A text under `key` that is more than white space, and can be written in UTF-8."""
    value: str = field(holder, key, (str,), place)
    if not value.strip():
        raise BadInput(f"{place}: {key} is empty; it must have a word")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadInput(f"{place}: {key} holds half a character at {error.start}: a lone surrogate") from error
    return value


def of_kind(value: Any, kinds: Tuple[type, ...], place: str) -> Any:
    """The value, which must be of exactly one of these kinds."""
    if type(value) not in kinds:
        _refuse(f"{place} must be {' or '.join(_KINDS[kind] for kind in kinds)}", value)
    return value


def _object(pairs: Any) -> Any:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is given twice in an object")
    return found


def _refuse(wanted: str, value: Any) -> NoReturn:
    raise BadInput(f"{wanted}; got {_KINDS.get(type(value), json.dumps(value))}")
