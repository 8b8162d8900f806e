"""YAML and JSON of strangers as values: whatever their parsers do with a text, it ends in a value or a ValueError."""

import json
import re
from typing import Any, Dict, Iterator, List, Tuple, Union

import yaml

MOST_CHARACTERS = 1_000_000
"""Of a YAML text."""

MOST_VALUES = 100_000
"""Of a YAML text, with what its aliases stand for written out."""

MOST_LEVELS = 50
"""Of mappings and lists in each other in a YAML text."""

MOST_DIGITS = 18
"""Of a whole number that is written as a text; with more it is only a text."""

_NO_SPACE = re.compile(r"[^ \t\n\r]")


def parse_json(text: Union[str, bytes], **options: Any) -> Any:
    """Parse JSON with `json.loads`' options; ValueError also where it is nested too deeply for the parser."""
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def parse_json_values(text: str, **options: Any) -> List[Tuple[int, Any]]:
    """Parse one JSON value, or several that follow each other as in JSON Lines; each with its line, from 1.

    The options are JSONDecoder's; ValueError as `parse_json` has it.
    """
    decoder = json.JSONDecoder(**options)
    found: List[Tuple[int, Any]] = []
    line, counted, begin = 1, 0, _skip_space(text, 0)
    while begin < len(text) or not found:
        line, counted = line + text.count("\n", counted, begin), begin
        try:
            value, end = decoder.raw_decode(text, begin)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        found.append((line, value))
        begin = _skip_space(text, end)
    return found


def _skip_space(text: str, position: int) -> int:
    found = _NO_SPACE.search(text, position)
    return found.start() if found else len(text)


def parse_yaml(text: str) -> Any:
    """Parse YAML's safe subset; ValueError where it is none, gives a key twice, or goes beyond the limits above."""
    require_length(text)
    try:
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # a safe loader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except Exception as error:  # PyYAML's constructors meet explicit tags, such as !!int, with whatever they meet
        raise ValueError(f"a value is not what its tag or its form says ({type(error).__name__})") from error
    require_bounds(value)
    return value


def require_length(text: str) -> None:
    """ValueError where a text of YAML is longer than the limit above."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read")


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe subset; duplicate keys are errors."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Dict[Any, Any]:
        keys = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise yaml.YAMLError(f"the key {key} is given twice{node.start_mark}")
            keys.add(key)
        return super().construct_mapping(node, deep)


def require_bounds(value: Any) -> None:
    """ValueError where a value of YAML goes beyond the limits above; an alias may lead back to where it stands."""
    levels, count = [iter([value])], 0
    while levels:
        for inner in levels[-1]:
            count += 1
            if count > MOST_VALUES:
                raise ValueError(f"it holds more than {MOST_VALUES:,} values")
            if isinstance(inner, (dict, list)):
                levels.append(_parts(inner))
                break
        else:
            levels.pop()
        if len(levels) > MOST_LEVELS:
            raise ValueError(f"it is nested more than {MOST_LEVELS} levels deep")


def _parts(value: Any) -> Iterator[Any]:
    return iter([*value.keys(), *value.values()]) if isinstance(value, dict) else iter(value)
