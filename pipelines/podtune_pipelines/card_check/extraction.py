"""Parse a card into its claims; restore lost line breaks where its marks show them."""

import itertools
import re
from typing import Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

from podtune.cards.front_matter import read_front_matter

from podtune_pipelines.card_check.claims import Claims, Grid, Line
from podtune_pipelines.card_check.printed_numbers import NUMBER, Stated, read_number

NAMES = {
    "lr_scheduler_warmup_ratio": "warmup_ratio",
    "lr_scheduler_warmup_steps": "warmup_steps",
    "lr_scheduler_type": "schedule",
    "num_epochs": "epochs",
    "num_train_epochs": "epochs",
    "train_batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
    "batch_size": "total_train_batch_size",
    "optimizer_steps": "train_steps",
    "training_loss": "train_loss",
    "training_time": "train_runtime",
}
"""Synonyms, as programs and people write them."""

RESULTS = ("loss", "accuracy", "exact_match", "f1", "bleu", "rouge", "cider", "wer")
"""What counts as a result where a list or a table names it."""

LONG = 400
"""Length from which a line with a heading inside has lost its breaks."""

HEADINGS = (
    "Model description",
    "Intended uses & limitations",
    "Training and evaluation data",
    "Training procedure",
    "Training hyperparameters",
    "Training results",
    "Framework versions",
)
"""The Trainer's section titles, recognised without their marks."""

Labelled = Tuple[str, str, int]
"""A label, the text that it stands for, and their line."""

_FRONT = re.compile(r"\s*--- (.*?) ---(?: |$)(.*)", re.DOTALL)
_LOST = re.compile(r"\S #{1,6} \S|\S --- \S")
_FLAG = re.compile(r"(?<!\S)--([a-z][\w-]*)(?:[ =]+(?!--)(\"[^\"]*\"|[^\s\\]+))?")
_ASKED = re.compile(r"\s*--(?:question|context) ")
_ITEM = re.compile(r"\s*[-*] ([A-Za-z][\w ]{0,40}): +(\S.*)")
_MEASURED = re.compile(rf"(?<!\w)((?:train|eval)_\w+|epoch)[\"']? *[:=] *((?:\d+:)?\d+:\d\d(?:\.\d+)?|{NUMBER})")


def claims_of(text: str) -> Claims:
    """Parse a card."""
    lines, lost = lines_of(text)
    unfolded = "\n".join(line.text for line in lines)
    meant = read_front_matter(unfolded)
    body = _without_examples(lines[meant.body_line - 1 :])
    grids = _grids(body)
    matches = [(_ITEM.match(line.text), line.number) for line in body]
    items = [(item.group(1), item.group(2), number) for item, number in matches if item]
    printed = [(name, value, line.number) for line in body for name, value in _MEASURED.findall(line.text)]
    pairs = [(row[0], row[1], line) for grid in grids if len(grid.header) == 2 for row, line in grid]
    results = [(row[0], row[1], line) for grid in grids if grid.header[:2] == ("metric", "value") for row, line in grid]
    return Claims(
        text=unfolded,
        lines=lines,
        breaks_lost=lost,
        front=read_front_matter(text),
        metadata=meant.values,
        title=_title(body),
        command=_command(body),
        listed=_listed(items, grids),
        measured=_numbers(printed + pairs, lambda name: name.startswith(("train_", "eval_")) or name == "epoch"),
        headline=_numbers(items + results, RESULTS.__contains__),
        grids=grids,
        prose=_prose(body),
    )


def lines_of(text: str) -> Tuple[List[Line], bool]:
    """Split a card into lines, and report whether line breaks had to be restored."""
    raw = re.split(r"\r\n|\r|\n", text)
    lost = any(len(line) > LONG and _LOST.search(line) for line in raw)
    lines: List[Line] = []
    for number, line in enumerate(raw, start=1):
        parts = _unfolded(line) if lost and len(line) > LONG else [line]
        lines.extend(Line(part, number) for part in parts)
    return lines, lost


def name_of(label: str) -> str:
    """Normalise the name of a setting or figure."""
    name = re.sub(r"\W+", "_", label.strip("` ").lower()).strip("_")
    name = re.sub(r"^training_(?!loss$|time$|precision$)", "", name)
    name = re.sub(r"^(?!train_|eval_)\w+_per_second$", "train_samples_per_second", name)
    name = re.sub(r"^(?:windows|rows|samples|examples|questions)_seen$", "train_seen", name)
    return NAMES.get(name, name)


def _unfolded(line: str) -> Iterator[str]:
    """Split a line that was several: keys and items of its front matter, headings, fences, flags, items of its body."""
    front = _FRONT.match(line)
    if front:
        block = re.sub(r" (?=- )", "\n", front.group(1))
        block = re.sub(r"(?<!-) (?=[A-Za-z][\w-]*:(?:\s|$))", "\n", block)
        yield from ("---", *re.sub(r"\n(?=results:)", "\n  ", block).split("\n"), "---")
    body = re.sub(r" ?(?=(?<!#)#{1,6} )", "\n", front.group(2) if front else line)
    body = re.sub(rf"(#+ (?:{'|'.join(HEADINGS)})) ", r"\1\n", body)
    body = re.sub(r"(# [\w.-]+/[\w.-]+) ", r"\1\n", body)
    body = re.sub(r" ?``` ?", "\n```\n", body)
    body = re.sub(r" \\ (?=--)", " \\\\\n", body)
    yield from re.sub(r" (?=- [\w\[][\w \[\]/().-]*[:\]])", "\n", body).split("\n")


def _without_examples(body: Sequence[Line]) -> List[Line]:
    """Leave out Python code and what podtune predict is asked: texts of the data in them are no claims of the card."""
    kept, in_python = [], False
    for line in body:
        fence, was_python = line.text.startswith("```"), in_python
        in_python = line.text.startswith("```python") or (in_python and not fence)
        if not in_python and not was_python and not _ASKED.match(line.text):
            kept.append(line)
    return kept


def _title(body: Sequence[Line]) -> Line:
    """Find the first heading, or else the first line if it can be a name."""
    for line in body:
        if line.text.startswith("# "):
            return Line(line.text[2:].strip(), line.number)
    first = next((line for line in body if line.text.strip()), Line("", 1))
    return Line(first.text.strip() if re.fullmatch(r"\s*[\w./-]+\s*", first.text) else "", first.number)


def _command(body: Sequence[Line]) -> Dict[str, Line]:
    command: Dict[str, Line] = {}
    for line in body:
        for flag, value in _FLAG.findall(line.text):
            name, text = flag, value.strip('"')
            if flag == "set":
                name, _, text = text.partition("=")
            command.setdefault(name_of(name.replace("-", "_")), Line(text, line.number))
    return command


def _listed(items: Iterable[Labelled], grids: Sequence[Grid]) -> Dict[str, Line]:
    listed = {name_of(label): Line(text.strip(), number) for label, text, number in items}
    for grid in grids:
        if grid.header[0] in {"setting", "hyperparameter", "parameter"} and grid.header[1:2] == ("value",):
            listed.update({name_of(row[0]): Line(row[1].strip("` "), number) for row, number in grid})
    return listed


def _numbers(labelled: Iterable[Labelled], wanted: Callable[[str], bool]) -> Dict[str, Stated]:
    """Read the first number under each name that is wanted."""
    numbers: Dict[str, Stated] = {}
    for label, text, line in labelled:
        name, number = name_of(label), read_number(text, line)
        if number and wanted(name):
            numbers.setdefault(name, number)
    return numbers


def _grids(body: Sequence[Line]) -> List[Grid]:
    """Find every Markdown table: a row of headings, a row of dashes, rows."""
    grids: List[Grid] = []
    rows = [(_cells(line.text), line.number) for line in body]
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


def _prose(body: Sequence[Line]) -> List[Line]:
    """Find lines of sentences; a command line counts as code even without a fence."""
    prose, fenced = [], False
    for line in body:
        if line.text.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and re.match(r"\s*(?!--|python |#|\||[-*] |<!--)\S", line.text):
            prose.append(line)
    return prose
