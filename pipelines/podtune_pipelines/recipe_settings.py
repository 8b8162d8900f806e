"""Every setting of a recipe with its type, default and text, read off the dataclasses that a recipe is read into."""

import ast
import dataclasses
import inspect
import json
import sys
import textwrap
import typing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Dict, Iterator, List, Literal, Mapping, Union

from podtune.errors import BadInput
from podtune.tasks.task import TASKS, task_named

from podtune_pipelines.recipe import kinds_of

_HEADING = """# Every setting of a recipe

A recipe is one YAML file with a section for each part of the flow; `podtune recipes NAME` prints one to start from, and
`--set section.key=value` changes a value for one run. It is read strictly: unknown keys, wrong types and impossible
combinations are all reported at once. `podtune settings [SECTION]` prints what follows.
"""

_WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}


@dataclass(frozen=True)
class Setting:
    """One key of a recipe."""

    key: str
    """As `--set` takes it, such as training.batch_size."""

    type: str
    """In words, or the values that it may have."""

    default: str
    """As YAML; "required" where there is none."""

    text: str
    task: str = ""
    """The only one whose recipes have it so; empty where all have."""

    @property
    def section(self) -> str:
        """The part of a recipe that holds it; empty for one that stands alone."""
        return self.key.partition(".")[0] if "." in self.key else ""


def all_settings() -> List[Setting]:
    """Every setting, in the order of the flow; those of a section that each task has in its own way, task by task."""
    by_task = {task: kinds_of(task_named(task)) for task in TASKS}
    found: List[Setting] = []
    for section in next(iter(by_task.values())):
        kinds = {task: kinds[section] for task, kinds in by_task.items()}
        if len(set(kinds.values())) == 1:
            found += _settings_of(next(iter(kinds.values())), section)
        else:
            found += [replace(one, task=task) for task, kind in kinds.items() for one in _settings_of(kind, section)]
    return found


def settings_under(part: str) -> List[Setting]:
    """The settings of a section, or one setting; BadInput names what is close."""
    found = [one for one in all_settings() if f"{one.key}.".startswith(f"{part}." if part else "")]
    if not found:
        everything = all_settings()
        sections = list(dict.fromkeys(one.section for one in everything if one.section))
        close = get_close_matches(part, [*sections, *(one.key for one in everything)], n=1)
        meant = f"did you mean {close[0]}?" if close else f"sections are {', '.join(sections)}"
        raise BadInput(f"{part} is no section and no setting of a recipe; {meant}")
    return found


def as_text(settings: List[Setting]) -> str:
    """What a terminal shows: each setting on a line, what it means below."""
    lines = []
    for one in settings:
        task = f" ({one.task})" if one.task else ""
        default = one.default if one.default == "required" else f"default {one.default}"
        lines.append(f"{one.key}: {one.type}, {default}{task}")
        lines += textwrap.wrap(one.text, 76, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def as_markdown(settings: List[Setting]) -> str:
    """Tables for a page of documentation: one for each section, and for each task where these differ."""
    groups: Dict[str, List[Setting]] = {}
    for one in settings:
        task = f", of {one.task}" if one.task else ""
        groups.setdefault(f"`{one.section}`{task}" if one.section else "The whole", []).append(one)
    pieces = []
    for heading, rows in groups.items():
        table = [f"| `{one.key}` | {_cell(one.type)} | {_cell(one.default)} | {_cell(one.text)} |" for one in rows]
        pieces.append("\n".join([f"## {heading}\n", "| key | type | default | meaning |", "|---|---|---|---|", *table]))
    return "\n\n".join(pieces) + "\n"


def _settings_of(kind: Any, key: str) -> Iterator[Setting]:
    """The settings of a section's dataclass, those of its parts among them; a plain key is one by itself."""
    if not dataclasses.is_dataclass(kind):
        yield Setting(key, _words(kind), "required", _ALONE[key])
        return
    types, texts = typing.get_type_hints(kind), _texts(kind)
    for field in dataclasses.fields(kind):
        below, inner = f"{key}.{field.name}", _not_none(types[field.name])
        yield Setting(below, _words(inner), _default(field), texts.get(field.name, ""))
        if dataclasses.is_dataclass(inner):
            yield from _settings_of(inner, below)


_ALONE: Mapping[str, str] = {
    "name": "The recipe's name: that of its runs, and of its pipeline on a cluster.",
    "task": "The problem that the model solves.",
}
"""The keys of a recipe that are no section."""


def _texts(kind: Any) -> Dict[str, str]:
    """Field to the text that follows it in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]  # a class
    return {
        field.target.id: " ".join(str(ast.literal_eval(text.value)).split())
        for field, text in zip(body, body[1:])
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)
    }


def _not_none(kind: Any) -> Any:
    if typing.get_origin(kind) is Union:
        return next(option for option in typing.get_args(kind) if option is not type(None))
    return kind


def _words(kind: Any) -> str:
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(map(str, options))
    if origin is dict:
        return f"mapping to {_plural(options[1])}"
    if origin in (list, tuple):
        return f"list of {_PLURALS[options[0]]}"
    return "settings" if dataclasses.is_dataclass(kind) else _WORDS[kind]


def _plural(kind: Any) -> str:
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if origin is Union:
        return " or ".join(map(_plural, options))
    if origin is list:
        return f"lists of {_PLURALS[options[0]]}"
    return f"mappings to {_plural(options[1])}" if origin is dict else _PLURALS[kind]


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return json.dumps(field.default_factory())
    if field.default is dataclasses.MISSING:
        return "required"
    if field.default is None:
        return "none"
    return field.default or "empty" if isinstance(field.default, str) else json.dumps(field.default)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def page() -> str:
    """The whole page."""
    return f"{_HEADING}\n{as_markdown(all_settings())}"


if __name__ == "__main__":
    sys.stdout.write(page())
