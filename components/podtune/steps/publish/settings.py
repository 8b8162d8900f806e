"""The `release` section of a recipe."""

from dataclasses import dataclass
from typing import Iterator, Literal, Tuple

from podtune.formats.release import NAME


@dataclass(frozen=True)
class ReleaseSettings:
    """How a model is released."""

    name: str
    """Lower-case letters, digits and hyphens, at most 63; part of object keys and Kubernetes names."""

    approval: Literal["automatic", "manual"] = "automatic"
    """Who makes a model live that passed the gate: the run itself, or a person with `podtune approve`."""

    notify: bool = False
    """Whether whoever PODTUNE_NOTIFY_URL names is told how each run ended: released, waiting for approval, refused,
    failed or skipped."""

    remind_after_days: int = 0
    """Days without a new version after which what is told reminds of that; 0 for never."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Yield what a store or a cluster would refuse, as (key, what is wrong)."""
        if not NAME.fullmatch(self.name):
            yield "name", f"must be lower-case letters, digits and hyphens, at most 63; got {self.name!r}"
        if self.remind_after_days < 0:
            yield "remind_after_days", f"must be at least 0; got {self.remind_after_days}"
