"""All that is wrong with the rows of a file, said at once."""

from types import TracebackType
from typing import Any, Dict, List, Optional, Type

from podtune.errors import BadInput

LISTED = 20
"""Bad rows that a message lists; the others are counted."""


class BadRows:
    """A list of complaints about one file: `with bad_rows:` notes the BadInput of its block, and goes on after it."""

    def __init__(self, file: object, cure: str = "") -> None:
        self._file, self._cure = str(file), cure
        self.complaints: List[str] = []
        self.entries: List[Dict[str, Any]] = []
        """For each complaint what it is about, and the reason, to be listed where it is set aside."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> bool:
        if isinstance(error, BadInput):
            self.add(str(error))
        return isinstance(error, BadInput)

    def add(self, complaint: str, **entry: Any) -> None:
        """Note what is wrong with a row, which the complaint names; an entry may name it apart from the reason."""
        self.complaints.append(complaint)
        self.entries.append(entry or {"reason": self._without_file(complaint)})

    def stop(self) -> None:
        """Raise one BadInput with all that was noted; do nothing where nothing was."""
        count = len(self.complaints)
        if count == 1:
            raise BadInput("; ".join(filter(None, [*self.complaints, self._cure])))
        if count:
            lines = map(self._without_file, self.complaints[:LISTED])
            rest = f"and {count - LISTED:,} more" if count > LISTED else ""
            title = f"{self._file} has {count:,} bad entries:"
            raise BadInput("\n  ".join(filter(None, [title, *lines, rest, self._cure])))

    def _without_file(self, complaint: str) -> str:
        rest = complaint[len(self._file) :]
        return rest.lstrip(":/ ") if complaint.startswith(self._file) and rest[:1] in (":", "/", " ") else complaint
