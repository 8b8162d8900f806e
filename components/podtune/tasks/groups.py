"""Examples that share something, such as the article that they ask about: groups of which each is drawn as one."""

from dataclasses import dataclass
from typing import Dict, Hashable, Mapping, Optional, Sequence

import numpy as np

AT_LEAST = 10
"""Groups that there must be: fewer say little of how much they differ."""


@dataclass(frozen=True)
class Groups:
    """What the examples of an evaluation are grouped by."""

    name: str = ""
    """What those of a group share, such as article; empty where each example counts for itself."""

    numbers: Optional[np.ndarray] = None
    """int64 [examples]: each one's group, counted from 0; None where each counts for itself."""

    @property
    def count(self) -> int:
        """How many groups there are; 0 where each example counts for itself."""
        return 0 if self.numbers is None else len(np.unique(self.numbers))

    def of(self, rows: Sequence[int]) -> Optional[np.ndarray]:
        """The groups of some examples."""
        return None if self.numbers is None else self.numbers[rows]


def largest_groups(shared: Mapping[str, Sequence[Hashable]]) -> Groups:
    """Group by whatever makes the fewest groups that are at least AT_LEAST, of what the examples have by name."""
    found = Groups()
    for name, values in shared.items():
        of_example = _numbered(values)
        groups = len(np.unique(of_example))
        if AT_LEAST <= groups < (found.count or len(of_example)):
            found = Groups(name, of_example)
    return found


def _numbered(values: Sequence[Hashable]) -> np.ndarray:
    numbers: Dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)
