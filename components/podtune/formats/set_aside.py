"""What a split cannot use: by the recipe's policy it ends the step, or is left out, listed and counted."""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Protocol, Tuple

from podtune.formats.bad_rows import BadRows
from podtune.formats.json_lines import write_json_lines
from podtune.sections import out_of_range

SET_ASIDE = "set_aside.jsonl"
"""In a split: an object for each entry that is left out, with its `reason`."""

CURE = "features.bad_rows: set_aside leaves such ones out and lists them"


class Policy(Protocol):
    """What every task's features section has; a frozen dataclass."""

    @property
    def bad_rows(self) -> str:
        """Stop or set_aside."""

    @property
    def most_set_aside(self) -> float:
        """Share of a split's examples."""

    @property
    def most_duplicates(self) -> float:
        """Share of another split's examples that may stand in the training split too."""


def mistakes_in_policy(settings: Policy) -> Iterator[Tuple[str, str]]:
    """Keys of a features section by which nothing can be decided, as (key, what is wrong)."""
    yield from out_of_range(
        settings, (("most_set_aside most_duplicates", lambda value: 0 <= value <= 1, "from 0 to 1"),)
    )


class SetAside:
    """A list of what is left out of one split, in the order in which it was met."""

    def __init__(self, policy: Policy) -> None:
        self.stops = policy.bad_rows == "stop"
        self.entries: List[Dict[str, Any]] = []
        self._complaints: List[str] = []
        self._most = policy.most_set_aside

    def take(self, bad_rows: BadRows) -> None:
        """Leave these rows out; BadInput with all of them where the policy is to stop."""
        if self.stops:
            bad_rows.stop()
        self.entries += bad_rows.entries
        self._complaints += bad_rows.complaints

    def require_few(self, file: object, what: str, count: int, of: int) -> None:
        """BadInput with all that was left out where these are all examples, or a larger share than the policy's."""
        if not count or (count < of and count <= of * self._most):
            return
        rest = f"{count:,} of {of:,} {what} would be set aside"
        bad_rows = BadRows(file, f"{rest}; features.most_set_aside allows a share of {self._most:g}, and never all")
        for complaint in self._complaints:
            bad_rows.add(complaint)
        bad_rows.stop()

    def write(self, directory: Path) -> None:
        """List it in the split; an empty file where there is nothing."""
        write_json_lines(directory / SET_ASIDE, self.entries)
