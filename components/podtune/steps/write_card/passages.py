"""A passage as HTML, with the true answers and the prediction marked in it, cut to what is around them."""

import re
from itertools import groupby
from typing import List, Optional, Tuple

from markupsafe import Markup

from podtune.steps.write_card.markup import visible
from podtune.tasks.task import Passage

AROUND = 160
"""Characters that are shown on each side of a mark."""


def marked(passage: Passage, prediction: Optional[Tuple[int, int]]) -> Markup:
    """Mark the passage; `prediction` is its first character and the one after its last, where it has one."""
    pieces = _pieces(passage, prediction)
    last, html = len(pieces) - 1, Markup("")
    for number, (style, text) in enumerate(pieces):
        shown = visible(text if style else _cut(text, before=number > 0, after=number < last))
        html += Markup('<mark class="{}">{}</mark>').format(style, shown) if style else shown
    return html


def _pieces(passage: Passage, prediction: Optional[Tuple[int, int]]) -> List[Tuple[str, str]]:
    """Cut the text wherever a mark begins or ends: for each piece its marks and its text."""
    marks = [("truth", span) for span in passage.truths] + ([("prediction", prediction)] if prediction else [])
    bounds = sorted({0, len(passage.text), *(min(end, len(passage.text)) for _, span in marks for end in span)})

    def styles(piece: Tuple[int, int]) -> str:
        inside = (style for style, (start, end) in marks if start <= piece[0] and piece[1] <= end)
        return " ".join(dict.fromkeys(inside))

    runs = ((style, list(run)) for style, run in groupby(zip(bounds, bounds[1:]), key=styles))
    return [(style, passage.text[run[0][0] : run[-1][1]]) for style, run in runs]


def _cut(text: str, *, before: bool, after: bool) -> str:
    """Shorten text without a mark, at words; it keeps what is next to the marks before and after it."""
    if len(text) <= AROUND * (2 if before == after else 1):
        return text
    head = re.sub(r"\s\S{0,20}$", "", text[:AROUND]) + " " if before or not after else ""
    tail = " " + re.sub(r"^\S{0,20}\s", "", text[-AROUND:]) if after else ""
    return f"{head}…{tail}"
