"""What a card claims: every statement that the rules compare, with its line."""

import re
from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from podtune.cards.front_matter import FrontMatter

from podtune_pipelines.card_check.known import KnownData, data_named, families_in
from podtune_pipelines.card_check.printed_numbers import Stated, as_number, read_number
from podtune_pipelines.card_check.unfolding import Line

_LINK = re.compile(r"\[([^\]]*)\]\((https?://[^)\s]*)\)")
_BASE = re.compile(r"fine-?tuned (?:version of|from) +(?:the )?(\[[^\]]*\]\([^)]*\)|`?[\w./-]+`?)", re.I)
_DATA = re.compile(r"\bon (?:the )?(\[[^\]]*\]\([^)]*\)|`?[\w./-]+`?)(?: data ?set)", re.I)


@dataclass(frozen=True)
class Setting:
    """A value that a card gives, as text; empty where only its name is given."""

    value: str
    line: int


@dataclass(frozen=True)
class Grid:
    """A table: the names of its columns, its rows of texts, and the line of each row."""

    header: Tuple[str, ...]
    rows: Tuple[Tuple[str, ...], ...]
    lines: Tuple[int, ...]

    def __iter__(self) -> Iterator[Tuple[Tuple[str, ...], int]]:
        """Rows that have every column, with their lines."""
        return ((row, line) for row, line in zip(self.rows, self.lines) if len(row) >= len(self.header))

    def column(self, name: str) -> Optional[List[Stated]]:
        """The numbers below a heading; None where there is no such heading, or something else than numbers below it."""
        if name not in self.header:
            return None
        numbers = [read_number(row[self.header.index(name)], line) for row, line in self]
        found = [number for number in numbers if number is not None]
        return found if len(found) == len(self.rows) else None


@dataclass(frozen=True)
class Claims:
    """A card, taken apart."""

    text: str
    """With its line breaks put back."""

    lines: Sequence[Line]
    breaks_lost: bool
    front: FrontMatter
    """As the Hub reads it."""

    metadata: Mapping[str, Any]
    """As it was meant: read with the line breaks put back."""

    title: Setting
    command: Mapping[str, Setting]
    """Flags of the command line, by the names of extraction.NAMES."""

    listed: Mapping[str, Setting]
    """The list or table of settings, by the names of extraction.NAMES."""

    measured: Mapping[str, Stated]
    """The figures train_… and eval_…, and epoch."""

    headline: Mapping[str, Stated]
    """Results as people read them, such as loss and accuracy."""

    grids: Sequence[Grid]
    prose: Sequence[Line]
    """Lines outside of code, tables, lists and headings."""

    @property
    def data(self) -> Optional[KnownData]:
        """The known data set that the card trains on."""
        return next((data for data in map(data_named, self.data_names) if data), None)

    @property
    def data_names(self) -> List[str]:
        """Everything the card calls its data set, the machine's names first."""
        names = [*_texts(self.metadata.get("datasets")), *(str(found["type"]) for found in self.indexed("dataset"))]
        names += [self.command["dataset_name"].value] if "dataset_name" in self.command else []
        names += [_target(found.group(1)) for found in _DATA.finditer(self.text)]
        return names

    @property
    def base_names(self) -> List[str]:
        """Everything the card calls its base model."""
        names = _texts(self.metadata.get("base_model"))
        names += [self.command["model_name_or_path"].value] if "model_name_or_path" in self.command else []
        return names + [_target(found.group(1)) for found in _BASE.finditer(self.text)]

    @property
    def base_families(self) -> Set[str]:
        """The families of the base models; of the title where the card names none."""
        found = set().union(*(families_in(name) for name in self.base_names))
        return found or families_in(self.title.value)

    def indexed(self, part: str) -> List[Mapping[str, Any]]:
        """The task, dataset or metrics entries of the model-index that have a type."""
        index = self.metadata.get("model-index")
        models = [model for model in index if isinstance(model, dict)] if isinstance(index, list) else []
        results = [result for model in models for result in _as_list(model.get("results")) if isinstance(result, dict)]
        found = [entry for result in results for entry in _as_list(result.get(part))]
        return [entry for entry in found if isinstance(entry, dict) and "type" in entry]

    def number(self, name: str) -> Optional[float]:
        """A setting as a number: from the list, else from the command."""
        given = self.listed.get(name) or self.command.get(name)
        return as_number(given.value) if given else None

    def line_at(self, position: int) -> int:
        """The file's line of a place in `text`."""
        return self.lines[self.text.count("\n", 0, position)].number

    def line_of(self, pattern: str) -> int:
        """The first line that a pattern matches; 1 where none does."""
        return next((line.number for line in self.lines if re.search(pattern, line.text)), 1)


def _target(mention: str) -> str:
    """The id that a mention means: a link's address where it is one of the Hub, else its words."""
    link = _LINK.fullmatch(mention)
    if not link:
        return mention.strip("`.")
    found = re.match(r"https?://(?:www\.)?huggingface\.co/(?:datasets/)?([\w.-]+(?:/[\w.-]+)?)", link.group(2))
    return found.group(1) if found else link.group(1).strip()


def _texts(value: Any) -> List[str]:
    return [item for item in _as_list(value) if isinstance(item, str)]


def _as_list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
