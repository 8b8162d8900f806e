"""Any text as Markdown that shows it, and nothing else."""

import re
from typing import Any

from podtune.steps.write_card.tables import Cell, Link, Name, Table

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


def one_line(text: str) -> str:
    """Drop invisible characters; every run of white space becomes one space."""
    return _INVISIBLE.sub("", " ".join(text.split())).strip()


def escape(text: str) -> Markdown:
    """Spell a text so that Markdown shows it literally, as a paragraph or a list's item."""
    return Markdown(_BLOCK.sub(r"\1\\", _inline(text)))


def code(text: Any) -> Markdown:
    """A name as inline code; a text that inline code cannot hold is escaped instead."""
    shown = one_line(str(text))
    return Markdown(f"`{shown}`") if shown and _CODE.fullmatch(shown) else _inline(shown)


def fenced(text: str, language: str) -> Markdown:
    """One line of code as a block, in a fence longer than any that the text holds."""
    shown = one_line(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}{language}\n{shown}\n{fence}")


def cell(value: Cell) -> Markdown:
    """One cell of a table."""
    if isinstance(value, Link):
        return Markdown(f"[{_inline(value.text)}]({value.address})")
    return code(value) if isinstance(value, Name) else _inline(value)


def table(content: Table) -> Markdown:
    """A table with its numbers on the right."""
    others = "---:" if content.numbers else "---"
    lines = [_row(content.header), f"|---|{'|'.join([others] * (len(content.header) - 1))}|"]
    return Markdown("\n".join(lines + [_row(row) for row in content.rows]))


def _row(cells: Any) -> str:
    return f"| {' | '.join(cell(value) for value in cells)} |"


def _inline(text: str) -> Markdown:
    """Spell a text so that it stays literal within a line."""
    shown = _SPECIAL.sub(r"\\\1", one_line(text))
    return Markdown(_ADDRESS.sub(lambda found: f"{found.group()}\\", shown))
