"""Escaping for Markdown and HTML, tables, and the template environments that apply both."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence, Tuple, Union

import jinja2

from podtune.steps.write_card.wording import capital, count, decimal, fine, setting

_INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&@])")
_BLOCK = re.compile(r"^(?:(?=[#+=:-])|(\d{1,9})(?=[.)](?:\s|$)))")
_ADDRESS = re.compile(r"(https?|ftp|mailto|xmpp)(?=:)|www(?=\.)", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9_.,:;/=+@%()#?!&~\[\]{} -]*")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


class Name(str):
    """An identifier, shown as code."""

    __slots__ = ()


@dataclass(frozen=True)
class Link:
    """A link to a page of the Hub."""

    text: str
    address: str


Cell = Union[str, Name, Link]


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header."""

    header: Tuple[Cell, ...]
    rows: Sequence[Sequence[Cell]]
    numbers: bool = True
    """Whether every column but the first is aligned to the right."""


def markdown_templates() -> jinja2.Environment:
    """Load Markdown templates; they escape all text that is not Markdown already."""
    environment = _environment(autoescape=False)
    environment.finalize = lambda value: escape(value) if type(value) is str else value
    environment.filters.update(code=code, cell=cell, table=table, python=python, shell=shell)
    return environment


def html_templates() -> jinja2.Environment:
    """Load HTML templates; they escape all text that is not markup already."""
    environment = _environment(autoescape=True)
    environment.finalize = lambda value: one_line(value) if type(value) is str else value
    environment.tests.update(name=lambda value: isinstance(value, Name), link=lambda value: isinstance(value, Link))
    return environment


def one_line(text: str) -> str:
    """Drop invisible characters and collapse white space."""
    return visible(" ".join(text.split())).strip()


def visible(text: str) -> str:
    """Drop invisible characters."""
    return _INVISIBLE.sub("", text)


def python(text: str) -> Markdown:
    """Write a text as a Python literal, over several lines if it is long."""
    pieces = re.findall(r"(?s).{1,90}(?:\s+|\Z)|.{1,90}", text) or [""]
    if len(pieces) == 1:
        return Markdown(_literal(text))
    return Markdown("\n    ".join(("(", *map(_literal, pieces))) + "\n)")


def shell(text: str) -> Markdown:
    """Quote a text for a shell, on one line."""
    return Markdown(shlex.quote(one_line(text)))


def escape(text: str) -> Markdown:
    """Escape text so that Markdown shows it literally, as a paragraph or a list item."""
    return Markdown(_BLOCK.sub(r"\1\\", _inline(text)))


def code(text: Any) -> Markdown:
    """Format a name as inline code; escape it if inline code cannot hold it."""
    shown = one_line(str(text))
    return Markdown(f"`{shown}`") if shown and _CODE.fullmatch(shown) else _inline(shown)


def cell(value: Cell) -> Markdown:
    """Format a table cell."""
    if isinstance(value, Link):
        return Markdown(f"[{_inline(value.text)}]({value.address})")
    return code(value) if isinstance(value, Name) else _inline(value)


def table(content: Table) -> Markdown:
    """Format a table, numbers aligned to the right."""
    others = "---:" if content.numbers else "---"
    lines = [_row(content.header), f"|---|{'|'.join([others] * (len(content.header) - 1))}|"]
    return Markdown("\n".join(lines + [_row(row) for row in content.rows]))


def _environment(autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(Path(__file__).parent)),
        autoescape=autoescape,  # noqa: S701  # Markdown has its own escaping, above
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(capital=capital, count=count, decimal=decimal, fine=fine, setting=setting)
    return environment


def _literal(text: str) -> str:
    """Write a text as one Python literal, in double quotes where it holds none."""
    literal = repr(text)
    return literal if '"' in literal else f'"{literal[1:-1]}"'


def _row(cells: Any) -> str:
    return f"| {' | '.join(cell(value) for value in cells)} |"


def _inline(text: str) -> Markdown:
    shown = _SPECIAL.sub(r"\\\1", one_line(text))
    return Markdown(_ADDRESS.sub(lambda match: f"{match.group()}\\", shown))
