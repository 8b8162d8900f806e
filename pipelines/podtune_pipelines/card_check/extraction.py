"""Parse a card into its claims."""

import itertools
import re
from typing import Dict, Iterator, List, Sequence, Tuple

from podtune.cards.front_matter import read_front_matter

from podtune_pipelines.card_check.claims import Claims, Figures, Grid, Line
from podtune_pipelines.card_check.printed_numbers import Stated, read_number

NAMES = {
    "lr_scheduler_warmup_ratio": "warmup_ratio",
    "lr_scheduler_warmup_steps": "warmup_steps",
    "lr_scheduler_type": "schedule",
    "num_epochs": "epochs",
    "num_train_epochs": "epochs",
    "train_batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
    "batch_size": "total_train_batch_size",
    "training_steps": "max_steps",
    "training_loss": "train_loss",
    "training_time": "train_runtime",
    "exact": "exact_match",
    "em": "exact_match",
    "f1_score": "f1",
}
"""Synonyms, as programs and people write them."""

_FLAG = re.compile(r"(?<!\S)--([a-z][\w-]*)(?:[ =]+(?!--)(\"[^\"]*\"|[^\s\\]+))?")
_ASKED = re.compile(r"\s*--(?:question|context) ")
_ITEM = re.compile(r"\s*[-*] ([A-Za-z][\w ]{0,40}): +(\S.*)")
_QUOTED = re.compile(r"[\"']([A-Za-z]\w*)[\"'] *: *([-+\d][^\s,}]*)")
_FIGURE = re.compile(r"[\s>|*{`-]*([A-Za-z][\w @-]{0,40}?)[`*]*\s*[=:|][\s`*]*(\S.*)")


def claims_of(text: str) -> Claims:
    """Parse a card."""
    lines = [Line(line, number) for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1)]
    front = read_front_matter(text)
    body = _without_examples(lines[front.body_line - 1 :])
    said = _outside_code(body)
    grids = _grids(said)
    return Claims(
        lines=lines,
        front=front,
        title=_title(said),
        command=_command(body),
        listed=_listed(said, grids),
        blocks=[*_blocks(body), *_rows(grids)],
        grids=grids,
        said=said,
    )


def name_of(label: str) -> str:
    """Normalise the name of a setting or figure; those of the evaluation lose their eval_."""
    name = re.sub(r"\W+", "_", label.strip("` ").lower()).strip("_")
    name = re.sub(r"^training_(?!loss$|time$|precision$|steps$)", "", name)
    name = re.sub(r"^(?!train_|eval_)\w+_per_second$", "train_samples_per_second", name)
    name = re.sub(r"^(?:windows|rows|samples|examples|questions)_seen$", "train_seen", name)
    name = re.sub(r"^eval_(?!samples$|batch_size$)", "", name)
    return NAMES.get(name, name)


def _without_examples(body: Sequence[Line]) -> List[Line]:
    """Leave out Python code and what podtune predict is asked: texts of the data in them are no claims of the card."""
    kept, in_python = [], False
    for line in body:
        fence, was_python = line.text.startswith("```"), in_python
        in_python = line.text.startswith("```python") or (in_python and not fence)
        if not in_python and not was_python and not _ASKED.match(line.text):
            kept.append(line)
    return kept


def _outside_code(body: Sequence[Line]) -> List[Line]:
    """Leave out what stands between fences."""
    said, fence = [], ""
    for line in body:
        mark = line.text.lstrip()[:3]
        if mark in ("```", "~~~") and fence in ("", mark):
            fence = "" if fence else mark
        elif not fence:
            said.append(line)
    return said


def _title(said: Sequence[Line]) -> Line:
    """Find the first heading, or else the first line if it can be a name."""
    for line in said:
        if line.text.startswith("#"):
            return Line(line.text.lstrip("#").strip(), line.number)
    first = next((line for line in said if line.text.strip()), Line("", 1))
    return Line(first.text.strip() if re.fullmatch(r"\s*[\w./-]+\s*", first.text) else "", first.number)


def _command(body: Sequence[Line]) -> Dict[str, List[Line]]:
    command: Dict[str, List[Line]] = {}
    for line in body:
        for flag, value in _FLAG.findall(line.text):
            name, text = flag, value.strip('"')
            if flag == "set":
                name, _, text = text.partition("=")
            command.setdefault(name_of(name.replace("-", "_")), []).append(Line(text, line.number))
    return command


def _listed(said: Sequence[Line], grids: Sequence[Grid]) -> Dict[str, Line]:
    items = [(_ITEM.match(line.text), line.number) for line in said]
    listed = {name_of(item.group(1)): Line(item.group(2).strip(), number) for item, number in items if item}
    for grid in grids:
        if grid.header[0] in {"setting", "hyperparameter", "parameter"} and grid.header[1:2] == ("value",):
            listed.update({name_of(row[0]): Line(row[1].strip("` "), number) for row, number in grid})
    return listed


def _blocks(body: Sequence[Line]) -> Iterator[Figures]:
    """Read the numbers with names, together where they stand on adjacent lines."""
    pairs = [[(name_of(name), number) for name, number in _pairs(line) if number] for line in body]
    for named, block in itertools.groupby(pairs, key=bool):
        if named:
            yield _given_once([pair for line in block for pair in line])


def _pairs(line: Line) -> Iterator[Tuple[str, "Stated | None"]]:
    """Yield the names and numbers of a line: of a dictionary all, else one at its start."""
    quoted = _QUOTED.findall(line.text)
    single = None if quoted else _FIGURE.match(line.text)
    for name, text in [single.groups()] if single else quoted:
        yield name, read_number(text, line.number)


def _rows(grids: Sequence[Grid]) -> Iterator[Figures]:
    for grid in grids:
        for row, line in grid:
            cells = [(name_of(name), read_number(cell, line)) for name, cell in zip(grid.header, row)]
            yield _given_once([(name, number) for name, number in cells if number])


def _given_once(pairs: Sequence[Tuple[str, Stated]]) -> Figures:
    """Leave out names that have several values."""
    values: Dict[str, List[Stated]] = {}
    for name, number in pairs:
        values.setdefault(name, []).append(number)
    return {name: numbers[0] for name, numbers in values.items() if len({number.text for number in numbers}) == 1}


def _grids(said: Sequence[Line]) -> List[Grid]:
    """Find every Markdown table: a row of headings, a row of dashes, rows."""
    grids: List[Grid] = []
    rows = [(_cells(line.text), line.number) for line in said]
    for is_table, block in itertools.groupby(rows, key=lambda row: bool(row[0])):
        texts, numbers = zip(*block)
        if is_table and len(texts) > 1 and all(re.fullmatch(r":?-+:?", cell) for cell in texts[1]):
            header = tuple(cell.strip("` ").lower() for cell in texts[0])
            grids.append(Grid(header, texts[2:], numbers[2:]))
    return grids


def _cells(line: str) -> Tuple[str, ...]:
    """Split a table row; empty for any other line."""
    inner = line.strip()
    if not inner.startswith("|"):
        return ()
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", inner[1:])]
    return tuple(cells if cells[-1] else cells[:-1])
