"""A card's lines; where a card lost its line breaks, put back as far as its marks tell."""

import re
from dataclasses import dataclass
from typing import Iterator, List, Tuple

LONG = 400
"""Characters from which a line that holds a heading's marks in its middle has lost its breaks."""

HEADINGS = (
    "Model description",
    "Intended uses & limitations",
    "Training and evaluation data",
    "Training procedure",
    "Training hyperparameters",
    "Training results",
    "Framework versions",
)
"""What the Trainer calls the sections of a card; known so that they are found without their marks."""

_FRONT = re.compile(r"\s*--- (.*?) ---(?: |$)(.*)", re.DOTALL)
_LOST = re.compile(r"\S #{1,6} \S|\S --- \S")


@dataclass(frozen=True)
class Line:
    """A line as it should be, and where it stands."""

    text: str
    number: int
    """The line of the file that it is or is part of, from 1."""


def lines_of(text: str) -> Tuple[List[Line], bool]:
    """The card's lines, and whether line breaks had to be put back."""
    raw = re.split(r"\r\n|\r|\n", text)
    lost = any(len(line) > LONG and _LOST.search(line) for line in raw)
    lines: List[Line] = []
    for number, line in enumerate(raw, start=1):
        parts = _unfolded(line) if lost and len(line) > LONG else [line]
        lines.extend(Line(part, number) for part in parts)
    return lines, lost


def _unfolded(line: str) -> Iterator[str]:
    front = _FRONT.match(line)
    body = line
    if front:
        yield from ("---", *_front_matter(front.group(1)).split("\n"), "---")
        body = front.group(2)
    yield from _body(body).split("\n")


def _front_matter(block: str) -> str:
    """Keys and items start lines; what belongs below a model's name is indented again."""
    block = re.sub(r" (?=- )", "\n", block)
    block = re.sub(r"(?<!-) (?=[A-Za-z][\w-]*:(?:\s|$))", "\n", block)
    return re.sub(r"\n(?=results:)", "\n  ", block)


def _body(body: str) -> str:
    """Headings, fences, flags, and items that name a value start lines."""
    body = re.sub(r" ?(?=(?<!#)#{1,6} )", "\n", body)
    body = re.sub(rf"(#+ (?:{'|'.join(HEADINGS)})) ", r"\1\n", body)
    body = re.sub(r"(# [\w.-]+/[\w.-]+) ", r"\1\n", body)
    body = re.sub(r" ?``` ?", "\n```\n", body)
    body = re.sub(r" \\ (?=--)", " \\\\\n", body)
    return re.sub(r" (?=- [\w\[][\w \[\]/().-]*[:\]])", "\n", body)
