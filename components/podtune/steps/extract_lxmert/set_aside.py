"""What is left out of a split, and why: by the recipe's policy it stops the step, or is listed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List

from podtune.formats.bad_rows import BadRows
from podtune.formats.json_lines import write_json_lines
from podtune.formats.raw_data import DataFile

SET_ASIDE = "set_aside.jsonl"
"""In a split: {"row", "image", "reason"} of each row of regions, {"question", "image", "reason"} of each question."""


@dataclass(frozen=True)
class BadRow:
    """A row of regions, or an image, that is not used."""

    row: int
    """Its number, from 1."""

    image: str
    """As the row names it; empty where it does not."""

    reason: str


ReportBadRow = Callable[[BadRow], bool]
"""A callback for every bad row, in order; false where the other rows are only checked, as nothing will come of them."""


@dataclass
class SetAside:
    """A list of what cannot be used, in the order in which it was met."""

    stops: bool
    """Whether any entry ends the step."""

    entries: List[Dict[str, Any]] = field(default_factory=list)

    def add(self, what: str, number: Any, image: str, reason: str) -> None:
        """Note a row or a question."""
        self.entries.append({what: number, "image": image, "reason": reason})

    def stop(self, file: DataFile) -> None:
        """BadInput with all entries, which are of this file, where the policy is to stop."""
        bad_rows = BadRows(file, "features.bad_rows: set_aside leaves such ones out and lists them")
        for entry in self.entries if self.stops else ():
            what, number = next(iter(entry.items()))
            named = f" (image {entry['image']!r})" if entry["image"] else ""
            bad_rows.add(f"{file}: {what} {number}{named} cannot be used: {entry['reason']}")
        bad_rows.stop()

    def count(self, what: str) -> int:
        return sum(what in entry for entry in self.entries)

    def write(self, path: Path) -> None:
        """Write one entry a line; an empty file where there are none."""
        write_json_lines(path, self.entries)
