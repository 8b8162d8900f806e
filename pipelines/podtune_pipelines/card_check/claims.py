"""What a card claims: every statement that the rules compare, with its line."""

import re
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from podtune.cards.front_matter import FrontMatter

from podtune_pipelines.card_check.known import UNKNOWN, KnownData, data_named, families_in
from podtune_pipelines.card_check.printed_numbers import Stated, as_number, read_number, whole_numbers

_LINK = re.compile(r"\[([^\]]*)\]\((https?://[^)\s]*)\)")
_HUB = re.compile(r"https?://(?:www\.)?huggingface\.co/(?:datasets/)?([\w.-]+(?:/[\w.-]+)?)")
_BASE = re.compile(r"fine-?tuned (?:version of|from) +(?:the )?(\[[^\]]*\]\([^)]*\)|`?[\w./-]+`?)", re.I)
_DATA = re.compile(r"\bon (?:the )?(\[[^\]]*\]\([^)]*\)|`?[\w./-]+`?)(?: data ?set)", re.I)

Found = Iterator[Tuple[int, str]]
"""What a rule yields: line and message of each fault."""


@dataclass(frozen=True)
class Line:
    """A line of a card, or a value on it; empty for a flag without a value."""

    text: str
    number: int
    """Of the file, from 1."""


@dataclass(frozen=True)
class Grid:
    """A table: the names of its columns, its rows of texts, and the line of each row."""

    header: Tuple[str, ...]
    rows: Tuple[Tuple[str, ...], ...]
    lines: Tuple[int, ...]

    def __iter__(self) -> Iterator[Tuple[Tuple[str, ...], int]]:
        """Rows that have every column, with their lines."""
        return ((row, line) for row, line in zip(self.rows, self.lines) if len(row) >= len(self.header))

    def column(self, name: str) -> List[Stated]:
        """Return the numbers of a column; empty if it is missing or holds anything else."""
        if name not in self.header:
            return []
        numbers = [read_number(row[self.header.index(name)], line) for row, line in self]
        parsed = [number for number in numbers if number is not None]
        return parsed if len(parsed) == len(self.rows) else []

    @property
    def steps_per_epoch(self) -> Tuple[float, float]:
        """The smallest and largest number of steps per epoch that fits every row; whole numbers where possible."""
        steps, epochs = self.column("step"), self.column("epoch")
        half = 0.5 * 10.0 ** -max(len(epoch.text.partition(".")[2]) for epoch in epochs)
        low = max([0.0, *(step.value / (epoch.value + half) for step, epoch in zip(steps, epochs))])
        above = (step.value / (epoch.value - half) for step, epoch in zip(steps, epochs) if epoch.value > half)
        high = min(above, default=inf)
        counts = list(whole_numbers(low, high)) if high - low < 1000 else []
        return (float(counts[0]), float(counts[-1])) if counts else (low, high)


@dataclass(frozen=True)
class Steps:
    """The optimizer steps of a run: by its speed, and by its samples."""

    rate: Stated
    low: float
    high: float
    dropped: int
    """Without each epoch's last partial batch."""

    kept: int
    """With it."""

    def allows(self, total: int) -> bool:
        """Whether the speed fits this number of steps."""
        return self.low <= total <= self.high


@dataclass(frozen=True)
class Claims:
    """A parsed card."""

    text: str
    """With its line breaks restored."""

    lines: Sequence[Line]
    breaks_lost: bool
    front: FrontMatter
    """As the Hub reads it."""

    metadata: Mapping[str, Any]
    """As it was meant: read with the line breaks restored."""

    title: Line
    command: Mapping[str, Line]
    """Flags of the command line, by the names of extraction.NAMES."""

    listed: Mapping[str, Line]
    """The list or table of settings, by the names of extraction.NAMES."""

    measured: Mapping[str, Stated]
    """The figures train_… and eval_…, and epoch."""

    headline: Mapping[str, Stated]
    """Results as people read them, such as loss and accuracy."""

    grids: Sequence[Grid]
    prose: Sequence[Line]
    """Lines outside of code, tables, lists and headings."""

    @property
    def origins(self) -> Iterator[Tuple[str, str, int]]:
        """Name and source of the data and of each model, with the source's line, from podtune's table of origins."""
        names: List[str] = []
        for line in self.lines:
            label, *cells = [cell.strip(" `") for cell in _LINK.sub(r"\1", line.text).strip("| ").split("|")]
            if label == "Name":
                names = cells
            elif label == "Source":
                yield from ((name, source, line.number) for name, source in zip(names, cells) if name != "not stated")

    @property
    def data(self) -> KnownData:
        """The known data set that the card trains on."""
        return next((data for data in map(data_named, self.data_names) if data), UNKNOWN)

    @property
    def data_names(self) -> List[str]:
        """Every name that the card has for its data set, the metadata's first."""
        names = [*_texts(self.metadata.get("datasets")), *(str(data["type"]) for data in self.indexed("dataset"))]
        names += [self.command["dataset_name"].text] if "dataset_name" in self.command else []
        return names + [_target(match.group(1)) for match in _DATA.finditer(self.text)]

    @property
    def base_names(self) -> List[str]:
        """Every name that the card has for its base model."""
        names = _texts(self.metadata.get("base_model"))
        names += [self.command["model_name_or_path"].text] if "model_name_or_path" in self.command else []
        return names + [_target(match.group(1)) for match in _BASE.finditer(self.text)]

    @property
    def base_families(self) -> Set[str]:
        """The families of the base models; of the title where the card names none."""
        families = set().union(*(families_in(name) for name in self.base_names))
        return families or families_in(self.title.text)

    @property
    def models(self) -> List[Mapping[str, Any]]:
        """The models of the model-index."""
        index = self.metadata.get("model-index")
        return [model if isinstance(model, dict) else {} for model in index] if isinstance(index, list) else []

    def indexed(self, part: str) -> List[Mapping[str, Any]]:
        """The task, dataset or metrics entries of the model-index that have a type."""
        results = [result for model in self.models for result in _as_list(model.get("results"))]
        entries = [entry for result in results if isinstance(result, dict) for entry in _as_list(result.get(part))]
        return [entry for entry in entries if isinstance(entry, dict) and "type" in entry]

    @property
    def evaluated(self) -> Mapping[str, Stated]:
        """The figures eval_…."""
        return {name: number for name, number in self.measured.items() if name.startswith("eval_")}

    @property
    def questions(self) -> Optional[int]:
        """The number of scored questions, if eval_samples counts their windows."""
        samples = self.measured.get("eval_samples")
        return self.data.windows.get(int(samples.value)) if samples else None

    @property
    def followed(self) -> List[Grid]:
        """Tables of a training run: with columns of steps and epochs, and at least three rows."""
        return [grid for grid in self.grids if len(grid.rows) >= 3 and grid.column("step") and grid.column("epoch")]

    @property
    def epochs(self) -> Optional[float]:
        """Epochs as measured, else as set."""
        return self.measured["epoch"].value if "epoch" in self.measured else self.number("epochs")

    @property
    def steps(self) -> Optional[Steps]:
        """The steps of the run, if the card has all the figures to derive them."""
        rate, runtime = self.measured.get("train_steps_per_second"), self.measured.get("train_runtime")
        samples, batch = self.measured.get("train_samples"), self.number("total_train_batch_size")
        if not (rate and runtime and samples and batch and self.epochs):
            return None
        batches = samples.value / batch
        dropped, kept = round(floor(batches) * self.epochs), round(ceil(batches) * self.epochs)
        return Steps(rate, *rate.times(runtime), dropped, kept)

    def number(self, name: str) -> Optional[float]:
        """Return a setting as a number, from the list or else from the command."""
        value = self.listed.get(name) or self.command.get(name)
        return as_number(value.text) if value else None

    def mentions(self, pattern: str) -> bool:
        """Whether the card matches a pattern, ignoring case."""
        return re.search(pattern, self.text, re.IGNORECASE) is not None

    def line_at(self, position: int) -> int:
        """Return the file's line of a position in `text`."""
        return self.lines[self.text.count("\n", 0, position)].number

    def line_of(self, pattern: str) -> int:
        """Return the first line that matches a pattern; 1 if none does."""
        return next((line.number for line in self.lines if re.search(pattern, line.text)), 1)


def _target(mention: str) -> str:
    """Resolve a mention to an id: the repository that it links to on the Hub, or else its text."""
    link = _LINK.fullmatch(mention)
    if not link:
        return mention.strip("`.")
    repository = _HUB.match(link.group(2))
    return repository.group(1) if repository else link.group(1).strip()


def _texts(value: Any) -> List[str]:
    return [item for item in _as_list(value) if isinstance(item, str)]


def _as_list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
