"""The `release` section of a recipe."""

from dataclasses import dataclass
from typing import Iterator, Tuple

from podtune.formats.release import NAME


@dataclass(frozen=True)
class ReleaseSettings:
    """How a model is released."""

    name: str
    """Lower-case letters, digits and hyphens, at most 63; part of object keys and Kubernetes names."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Yield what a store or a cluster would refuse, as (key, what is wrong)."""
        if not NAME.fullmatch(self.name):
            yield "name", f"must be lower-case letters, digits and hyphens, at most 63; got {self.name!r}"
