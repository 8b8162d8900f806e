"""A card's text taken apart into its claims."""

import itertools
import re
from typing import Dict, Iterator, List, Sequence, Tuple

from podtune.cards.front_matter import read_front_matter

from podtune_pipelines.card_check.claims import Claims, Grid, Setting
from podtune_pipelines.card_check.printed_numbers import NUMBER, Stated, read_number
from podtune_pipelines.card_check.unfolding import Line, lines_of

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
"""Other names of the same thing, as programs and people write them."""

RESULTS = ("loss", "accuracy", "exact_match", "f1", "bleu", "rouge", "cider", "wer")
"""What counts as a result where a list or a table names it."""

_FLAG = re.compile(r"(?<!\S)--([a-z][\w-]*)(?:[ =]+(?!--)(\"[^\"]*\"|[^\s\\]+))?")
_ITEM = re.compile(r"\s*[-*] ([A-Za-z][\w ]{0,40}): +(\S.*)")
_MEASURED = re.compile(rf"(?<!\w)((?:train|eval)_\w+|epoch)[\"']? *[:=] *((?:\d+:)?\d+:\d\d(?:\.\d+)?|{NUMBER})")


def claims_of(text: str) -> Claims:
    """Take a card apart."""
    lines, lost = lines_of(text)
    unfolded = "\n".join(line.text for line in lines)
    front = read_front_matter(text)
    meant = read_front_matter(unfolded)
    body = lines[meant.body_line - 1 :]
    grids = _grids(body)
    return Claims(
        text=unfolded,
        lines=lines,
        breaks_lost=lost,
        front=front,
        metadata=meant.values,
        title=_title(body),
        command=_command(body),
        listed=_listed(body, grids),
        measured=_measured(body, grids),
        headline=_headline(body, grids),
        grids=grids,
        prose=_prose(body),
    )


def name_of(label: str) -> str:
    """The one name of a setting or figure."""
    name = re.sub(r"\W+", "_", label.strip("` ").lower()).strip("_")
    name = re.sub(r"^training_(?!loss$|time$|precision$)", "", name)
    name = re.sub(r"^(?!train_|eval_)\w+_per_second$", "train_samples_per_second", name)
    name = re.sub(r"^(?:windows|rows|samples|examples|questions)_seen$", "train_seen", name)
    return NAMES.get(name, name)


def _title(body: Sequence[Line]) -> Setting:
    """The first heading; where there is none, the first line if it can be a name."""
    for line in body:
        if line.text.startswith("# "):
            return Setting(line.text[2:].strip(), line.number)
    first = next((line for line in body if line.text.strip()), Line("", 1))
    return Setting(first.text.strip() if re.fullmatch(r"\s*[\w./-]+\s*", first.text) else "", first.number)


def _command(body: Sequence[Line]) -> Dict[str, Setting]:
    found: Dict[str, Setting] = {}
    for line in body:
        for flag, value in _FLAG.findall(line.text):
            name, given = flag, value.strip('"')
            if flag == "set":
                name, _, given = given.partition("=")
            found.setdefault(name_of(name.replace("-", "_")), Setting(given, line.number))
    return found


def _listed(body: Sequence[Line], grids: Sequence[Grid]) -> Dict[str, Setting]:
    items = [(_ITEM.match(line.text), line.number) for line in body]
    found = {name_of(item.group(1)): Setting(item.group(2).strip(), number) for item, number in items if item}
    for grid in grids:
        if grid.header[:2] in {("setting", "value"), ("hyperparameter", "value"), ("parameter", "value")}:
            for row, number in grid:
                found[name_of(row[0])] = Setting(row[1].strip("` "), number)
    return found


def _measured(body: Sequence[Line], grids: Sequence[Grid]) -> Dict[str, Stated]:
    """Figures that a training program printed, and those in tables of two columns."""
    printed = [(name, text, line.number) for line in body for name, text in _MEASURED.findall(line.text)]
    tabled = [(row[0], row[1], number) for grid in grids for row, number in _pairs(grid)]
    found: Dict[str, Stated] = {}
    for label, text, line in printed + tabled:
        name, number = name_of(label), read_number(text, line)
        if number and (name.startswith(("train_", "eval_")) or name == "epoch"):
            found.setdefault(name, number)
    return found


def _headline(body: Sequence[Line], grids: Sequence[Grid]) -> Dict[str, Stated]:
    """Results as people read them: items such as "- Loss: 0.07", and tables of metrics and values."""
    items = [(_ITEM.match(line.text), line.number) for line in body]
    labelled = [(item.group(1), item.group(2), number) for item, number in items if item]
    tables = [grid for grid in grids if grid.header[:2] == ("metric", "value")]
    labelled += [(row[0], row[1], number) for grid in tables for row, number in grid]
    found: Dict[str, Stated] = {}
    for label, text, line in labelled:
        name, number = name_of(label), read_number(text, line)
        if number and name in RESULTS:
            found.setdefault(name, number)
    return found


def _pairs(grid: Grid) -> Iterator[Tuple[Tuple[str, ...], int]]:
    return ((row, line) for row, line in grid if len(grid.header) == 2)


def _grids(body: Sequence[Line]) -> List[Grid]:
    """Every Markdown table: a row of headings, a row of dashes, rows."""
    found: List[Grid] = []
    rows = [(_cells(line.text), line.number) for line in body]
    for is_table, block in itertools.groupby(rows, key=lambda row: bool(row[0])):
        texts, numbers = zip(*block)
        if is_table and len(texts) > 1 and all(re.fullmatch(r":?-+:?", cell) for cell in texts[1]):
            header = tuple(cell.strip("` ").lower() for cell in texts[0])
            found.append(Grid(header, texts[2:], numbers[2:]))
    return found


def _cells(line: str) -> Tuple[str, ...]:
    """A table row's texts; empty where the line is none."""
    inner = line.strip()
    if not inner.startswith("|"):
        return ()
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", inner[1:])]
    return tuple(cells if cells[-1] else cells[:-1])


def _prose(body: Sequence[Line]) -> List[Line]:
    """Lines of sentences; a line of a command line counts as code also where its fence is missing."""
    found, fenced = [], False
    for line in body:
        if line.text.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and re.match(r"\s*(?!--|python |#|\||[-*] |<!--)\S", line.text):
            found.append(line)
    return found
