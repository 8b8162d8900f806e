"""The YAML block at the top of a card: read with the line of every key, and written."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

import yaml

from podtune.parsing import require_bounds, require_length

_FENCE = re.compile(r"---[ \t]*")
_OPENING = re.compile(r"\s*---\r?\n")


@dataclass(frozen=True)
class FrontMatter:
    """A card's metadata."""

    values: Mapping[str, Any]
    """Empty if the block is missing or cannot be read."""

    lines: Mapping[str, int]
    """Key, such as model-index[0].name, to its line in the card, from 1."""

    body_line: int
    """The line after the block, from 1."""

    fault: Optional[str]
    """Why the block cannot be read; None if it can."""

    repeated: Tuple[str, ...] = ()
    """Keys that occur twice in one mapping; the Hub refuses them."""

    def line(self, key: str) -> int:
        """Return the line of a key, or of its nearest parent; 1 if it has none."""
        while key and key not in self.lines:
            key = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]+)$", "", key)
        return self.lines.get(key, 1)


_CORE = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "merge": "<<",
}
"""How plain words are read by YAML 1.2, as the Hub reads them: no is Norwegian, 1e1 a number, 12:30 a text."""


class _Core(yaml.SafeLoader):
    """YAML 1.2's core schema, and the merge key."""


_Core.yaml_implicit_resolvers = {
    None: [(f"tag:yaml.org,2002:{kind}", re.compile(rf"(?:{words})\Z")) for kind, words in _CORE.items()]
}


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0 if text[:2] in ("0o", "0x") else 10)


_Core.add_constructor("tag:yaml.org,2002:int", _integer)


def read_front_matter(text: str) -> FrontMatter:
    """Parse a card's front matter as the Hub does; a fault is recorded, not raised."""
    lines = re.split(r"\r\n|\r|\n", text)
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if not _OPENING.match(text):
        return FrontMatter({}, {}, 1, "is missing: the card does not start with a line of three dashes")
    closing = next((number for number in range(first + 1, len(lines)) if _FENCE.fullmatch(lines[number])), None)
    if closing is None:
        return FrontMatter({}, {}, 1, "has no end: no second line of three dashes follows")
    return _parse("\n".join(lines[first + 1 : closing]), offset=first + 2, body_line=closing + 2)


def _parse(block: str, offset: int, body_line: int) -> FrontMatter:
    """Parse the text between the dashes, whose first line is the card's line `offset`."""
    try:
        require_length(block)
        tree = yaml.compose(block, Loader=_Core)
        values = _Core(block).get_single_data()
        require_bounds(values)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + offset})" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        return FrontMatter({}, {}, body_line, f"is not YAML: {problem}{where}")
    if values is not None and not isinstance(values, dict):
        return FrontMatter({}, {}, body_line, f"must be a mapping; got {type(values).__name__}")
    keys = list(_keys(tree, "", set()))
    counts = Counter(name for name, _ in keys)
    repeated = tuple(name for name, count in counts.items() if count > 1)
    plain = {str(key): value for key, value in (values or {}).items()}
    return FrontMatter(plain, {name: line + offset for name, line in keys}, body_line, None, repeated)


def _keys(node: Any, path: str, above: Set[int]) -> Iterator[Tuple[str, int]]:
    """Yield every key below a node with its line from 0; skip nodes that an alias repeats."""
    if id(node) in above:
        return
    above.add(id(node))
    children: List[Tuple[str, Any, Any]] = []
    if isinstance(node, yaml.MappingNode):
        children = [(f"{path}.{key.value}" if path else str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(f"{path}[{index}]", item, item) for index, item in enumerate(node.value)]
    for name, marked, value in children:
        yield name, marked.start_mark.line
        yield from _keys(value, name, above)


def to_yaml(values: Dict[str, Any]) -> str:
    """Format front matter so that parsers of YAML 1.1 and 1.2 read the same strings."""
    block = yaml.dump(values, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=1 << 20)
    return f"---\n{block}---\n"


class _Quoting(yaml.SafeDumper):
    """Quote more than PyYAML does: YAML 1.2 reads 1e5 and 0o7 as numbers, and PyYAML breaks lines at U+0085."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if re.match(r"[-+.~\d]", value) or not value.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Quoting.add_representer(str, _text)
