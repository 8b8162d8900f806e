"""Read a section of a recipe, a mapping, into its dataclass; or report every mistake in it at once."""

import dataclasses
import re
import typing
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Literal, Mapping, Sequence, Tuple, Type, TypeVar, Union

from podtune.errors import BadInput, bad_input
from podtune.parsing import parse_json, parse_yaml

Section = TypeVar("Section")

Rules = Sequence[Tuple[str, Callable[[float], bool], str]]
"""Keys separated by spaces, the test that their numbers must pass, and the same in words."""

_EXPONENT = re.compile(r"[-+]?[0-9]+[.]?[0-9]*[eE][-+]?[0-9]+")
"""A number such as 5e-5, which YAML 1.1 reads as a text."""


_BEYOND = 1 << 63
"""Numbers that no counter, size or seed takes."""

_LISTED = 20
"""Unknown keys that a message lists; the others are counted."""

_SHOWN = 200
"""Characters of a value that a message shows."""


class Mistakes(BadInput):
    """All mistakes in a section, one line each, beginning with the key."""

    def __init__(self, lines: List[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def read_section(kind: Type[Section], values: Mapping[str, Any], where: str) -> Section:
    """Build `kind` from `values`; raise Mistakes with every wrong key, prefixed by `where` unless that is empty.

    Numbers survive JSON: 7.0 is read as the integer 7. Where a dataclass has a method `mistakes()`, its pairs of key
    and text, such as impossible combinations, are reported too.
    """
    lines: List[str] = []
    section = _dataclass(kind, values, where, lines)
    if lines:
        raise Mistakes(lines)
    return section  # type: ignore[no-any-return]  # _dataclass returns an instance of kind


def read_parts(kinds: Mapping[str, Any], values: Mapping[str, Any], where: str) -> Tuple[Dict[str, Any], List[str]]:
    """Read a mapping whose keys have types of their own; return the valid values and one line for each mistake."""
    unknown = [key for key in values if key not in kinds]
    lines = [f"{_below(where, key)} is not a setting{_suggestion(str(key), kinds)}" for key in unknown[:_LISTED]]
    if len(unknown) > _LISTED:
        lines.append(f"{where or 'the recipe'} has {len(unknown) - _LISTED:,} more keys that are no settings")
    read: Dict[str, Any] = {}
    for name in (name for name in kinds if name in values):
        before = len(lines)
        value = _value(kinds[name], values[name], _below(where, name), lines)
        if len(lines) == before:
            read[name] = value
    return read, lines


def read_settings_file(path: Path) -> Dict[str, Any]:
    """Read a mapping from a YAML file, or from a JSON file if its name ends in .json."""
    with bad_input(f"cannot read settings from {path}", ValueError):
        text = path.read_text(encoding="utf-8")
        values = parse_json(text) if path.suffix == ".json" else parse_yaml(text)  # YAML would read 1e-4 as a text
    if not isinstance(values, dict):
        raise BadInput(f"{path} must hold a mapping of settings; got {type(values).__name__}")
    return values


def out_of_range(section: Any, rules: Rules) -> Iterator[Tuple[str, str]]:
    """Yield (key, what is wrong) for each number that breaks a rule; None breaks none."""
    for keys, allowed, wanted in rules:
        for key in keys.split():
            value = getattr(section, key)
            if value is not None and not allowed(value):
                yield key, f"must be {wanted}; got {value}"


def to_mapping(section: Any) -> Dict[str, Any]:
    """Return the section as JSON-ready values without None, which KFP refuses."""
    pairs = ((field.name, getattr(section, field.name)) for field in dataclasses.fields(section))
    return {name: _plain(value) for name, value in pairs if value is not None}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _dataclass(kind: Any, values: Any, where: str, lines: List[str]) -> Any:
    if not isinstance(values, Mapping):
        lines.append(f"{where} must be a mapping; got {shown(values)}")
        return None
    fields, types = dataclasses.fields(kind), typing.get_type_hints(kind)
    arguments, mistakes = read_parts({field.name: types[field.name] for field in fields}, values, where)
    for field in fields:
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if field.name not in values and not optional:
            mistakes.append(f"{_below(where, field.name)} is missing")
    lines.extend(mistakes)
    if mistakes:
        return None
    section = kind(**arguments)
    if hasattr(section, "mistakes"):
        lines.extend(f"{_below(where, key)} {text}" for key, text in section.mistakes())
    return section


def _below(where: str, key: Any) -> str:
    name = key if isinstance(key, str) and key.isprintable() and len(key) <= _SHOWN else shown(key)
    return f"{where}.{name}" if where else name


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(key, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


def _value(kind: Any, value: Any, where: str, lines: List[str]) -> Any:
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if origin is Union:
        return None if value is None else _value(_alternative(options, value), value, where, lines)
    if origin is Literal:
        if value not in options:
            lines.append(f"{where} must be one of {', '.join(map(str, options))}; got {shown(value)}")
        return value
    if origin is dict and isinstance(value, Mapping):
        return {str(key): _value(options[1], item, f"{where}.{key}", lines) for key, item in value.items()}
    if origin in (list, tuple) and isinstance(value, (list, tuple)):
        return origin(_value(options[0], item, f"{where}[{index}]", lines) for index, item in enumerate(value))
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where, lines)
    return _scalar(origin or kind, value, where, lines)


def _alternative(options: Sequence[Any], value: Any) -> Any:
    """The kind that a value is read as: for a list the one that is a list, else the first."""
    kinds = [option for option in options if option is not type(None)]
    lists = [kind for kind in kinds if typing.get_origin(kind) is list and isinstance(value, (list, tuple))]
    return [*lists, *kinds][0]


def _scalar(kind: Any, value: Any, where: str, lines: List[str]) -> Any:
    if kind in (float, int) and isinstance(value, str) and _EXPONENT.fullmatch(value):
        value = float(value)
    if kind is float and _is_finite(value):
        return float(value)
    if kind is int and _is_finite(value) and value == value // 1 and abs(value) < _BEYOND:
        return int(value)
    if kind is Any or (kind in (str, bool) and type(value) is kind):
        return value
    scalars = {float: "a finite number", int: "a whole number", str: "a text", bool: "true or false"}
    wanted = {**scalars, dict: "a mapping", list: "a list", tuple: "a list"}[kind]
    as_text = shown(value).lower() if type(value) is bool else shown(value)  # as YAML writes it
    quoted = f"; in quotes, '{as_text}', it is one" if kind is str and type(value) in (int, float, bool) else ""
    lines.append(f"{where} must be {wanted}; got {shown(value)}{quoted}")
    return value


def _is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    try:
        return type(value) in (int, float) and isfinite(value)
    except OverflowError:
        return False


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, and not all of a long one."""
    try:
        text = repr(value)
    except ValueError:  # more digits than Python writes
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
