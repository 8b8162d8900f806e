"""How a reader of regions reports what it cannot use."""

from dataclasses import dataclass
from typing import Callable

from podtune.formats.raw_data import DataFile


@dataclass(frozen=True)
class BadRow:
    """A row of regions, or an image, that is not used."""

    row: int
    """Its number, from 1."""

    image: str
    """As the row names it; empty where it does not."""

    reason: str
    part: str = ""
    """The file that the row is in, where there are several."""


def part_of(file: DataFile, part: DataFile) -> str:
    """A file as BadRow names it; empty where it is the only one."""
    return "" if part is file else str(part)


ReportBadRow = Callable[[BadRow], bool]
"""A callback for every bad row, in order; false where the other rows are only checked, as nothing will come of them."""
