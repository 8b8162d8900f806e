"""The `release` section of a recipe: under which name a model is released."""

from dataclasses import dataclass
from typing import Iterator, Tuple

from podtune.formats.release import NAME


@dataclass(frozen=True)
class ReleaseSettings:
    """A release's name."""

    name: str
    """Lower-case letters, digits and hyphens, at most 63: it becomes part of keys and of Kubernetes names."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Names that a store or a cluster refuses, as (key, what is wrong)."""
        if not NAME.fullmatch(self.name):
            yield "name", f"must be lower-case letters, digits and hyphens, at most 63; got {self.name!r}"
