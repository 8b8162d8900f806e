"""How a reader of regions reports what it cannot use."""

from dataclasses import dataclass
from typing import Callable


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
