"""The `source` section of a recipe: which data, from where."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, Tuple


@dataclass(frozen=True)
class SourceSettings:
    """Where a data set is read from, and what the card says of it."""

    data: str
    """A directory, https://…, s3://bucket/prefix, hf://datasets/owner/name, or sample://squad?seed=1&…"""

    dataset: str
    """Its name on the card, such as rajpurkar/squad."""

    licence: str
    """SPDX identifier in lower case."""

    splits: Dict[str, str] = field(default_factory=lambda: {"train": "train.json", "validation": "validation.json"})
    """Split to file: a path below `data`, or a path or URI of its own."""

    revision: str = ""
    """40 hexadecimal digits; hf:// needs it, the others have none."""

    sha256: Dict[str, str] = field(default_factory=dict)
    """Split to the file's SHA-256; https:// needs it."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Sources that cannot be trusted or do not exist, as (key, what is wrong)."""
        yield from ()
