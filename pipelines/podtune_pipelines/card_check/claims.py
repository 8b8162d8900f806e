"""What a card claims: every statement that the rules compare, with its line."""

import re
from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from podtune.cards.front_matter import FrontMatter

from podtune_pipelines.card_check.known import KnownData, all_known
from podtune_pipelines.card_check.printed_numbers import Stated, as_number, read_number

_LINK = re.compile(r"\[([^\]]*)\]\((https?://[^)\s]*)\)")
_HUB = re.compile(r"https?://(?:www\.)?huggingface\.co/(?:datasets/)?([\w.-]+(?:/[\w.-]+)?)")
_BASE = re.compile(r"fine-?tuned (?:version of|from) +(?:the )?(\[[^\]]*\]\([^)]*\)|`?[\w./-]+`?)", re.I)
_DATA = re.compile(r"\bon (?:the )?(\[[^\]]*\]\([^)]*\)|`?[\w./-]+`?)(?: data ?set)", re.I)

Found = Iterator[Tuple[int, str]]
"""What a rule yields: line and message of each fault."""

Figures = Mapping[str, Stated]
"""Numbers that a card gives together, by the names of extraction.name_of."""


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


@dataclass(frozen=True)
class Result:
    """An entry of the model-index."""

    data: str
    split: str
    figures: Figures
    line: int


@dataclass(frozen=True)
class Claims:
    """A parsed card."""

    lines: Sequence[Line]
    front: FrontMatter
    """As the Hub reads it."""

    title: Line
    command: Mapping[str, Sequence[Line]]
    """Values of each flag on command lines, by the names of extraction.name_of."""

    listed: Mapping[str, Line]
    """The list or table of settings, likewise."""

    blocks: Sequence[Figures]
    """Numbers that stand on adjacent lines, or in a row of a table."""

    grids: Sequence[Grid]
    said: Sequence[Line]
    """Lines outside of the front matter and of code."""

    @property
    def text(self) -> str:
        """What is said, as one text."""
        return "\n".join(line.text for line in self.said)

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
    def data(self) -> Optional[KnownData]:
        """The known data set that the card trains on, if it names no other."""
        names = [*self.named("datasets"), *(result.data for result in self.results)]
        names += [value.text for value in self.command.get("dataset_name", ())]
        known = all_known(names or [_target(match.group(1)) for match in _DATA.finditer(self.text)])
        return known.pop() if len(known) == 1 else None

    @property
    def base_names(self) -> List[str]:
        """Every name that the card has for its base model."""
        names = self.named("base_model")
        names += [value.text for value in self.command.get("model_name_or_path", ())]
        return names + [_target(match.group(1)) for match in _BASE.finditer(self.text)]

    @property
    def models(self) -> List[Mapping[str, Any]]:
        """The models of the model-index."""
        index = self.front.values.get("model-index")
        return [_mapping(model) for model in index] if isinstance(index, list) else []

    @property
    def results(self) -> List[Result]:
        """The results of the model-index that name their data."""
        found: List[Result] = []
        for place, model in enumerate(self.models):
            for number, result in enumerate(map(_mapping, _as_list(model.get("results")))):
                data, key = _mapping(result.get("dataset")), f"model-index[{place}].results[{number}]"
                metrics = [_mapping(metric) for metric in _as_list(result.get("metrics"))]
                figures = self._figures(metrics, f"{key}.metrics")
                if isinstance(data.get("type"), str):
                    found.append(Result(data["type"], str(data.get("split", "")), figures, self.front.line(key)))
        return found

    def named(self, key: str) -> List[str]:
        """Return the texts of a key of the front matter."""
        return [item for item in _as_list(self.front.values.get(key)) if isinstance(item, str)]

    def figure(self, name: str) -> Optional[Stated]:
        """Return the first number that the text gives under a name."""
        return next((block[name] for block in self.blocks if name in block), None)

    def number(self, name: str) -> Optional[float]:
        """Return a setting as a number, from the list or else from the command."""
        value = self.listed.get(name) or next(iter(self.command.get(name, ())), None)
        return as_number(value.text) if value else None

    def mentions(self, pattern: str) -> bool:
        """Whether title, text or commands match a pattern, ignoring case."""
        return any(re.search(pattern, line.text, re.IGNORECASE) for line in self.lines[self.front.body_line - 1 :])

    def _figures(self, metrics: Sequence[Mapping[str, Any]], key: str) -> Figures:
        """Read metrics whose type is given once."""
        kinds = [str(metric.get("type")) for metric in metrics]
        printed = (
            (kind, repr(metric.get("value")), f"{key}[{n}]") for n, (kind, metric) in enumerate(zip(kinds, metrics))
        )
        numbers = ((kind, read_number(text, self.front.line(place))) for kind, text, place in printed)
        return {kind: number for kind, number in numbers if number and kinds.count(kind) == 1}


def _target(mention: str) -> str:
    """Resolve a mention to an id: the repository that it links to on the Hub, or else its text."""
    link = _LINK.fullmatch(mention)
    if not link:
        return mention.strip("`.")
    repository = _HUB.match(link.group(2))
    return repository.group(1) if repository else link.group(1).strip()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
