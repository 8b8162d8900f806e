"""The `card` section of a recipe: what the run's records cannot know."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Tuple

from podtune.cards.hub_rules import is_language, is_licence


@dataclass(frozen=True)
class Reference:
    """Published results that the run is held against."""

    source: str
    """Who published them, and where a contradiction was settled, how."""

    metrics: Dict[str, float]
    """By name, in the unit of our own metrics."""


@dataclass(frozen=True)
class CardSettings:
    """A person's words on a model."""

    licence: str
    """Of the released model; an identifier that the Hugging Face Hub lists, or other."""

    language: List[str]
    """ISO 639-1 codes."""

    description: str
    """What the model is, in one paragraph."""

    intended_use: str
    limits: str
    """What it should not be used for, and where it is known to fail."""

    licence_name: str = ""
    """Only where licence is other."""

    licence_link: str = ""
    """Only where licence is other: a URL, or LICENSE for a file beside the card."""

    tags: List[str] = field(default_factory=list)
    reference: Optional[Reference] = None

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """What the Hub would refuse, as (key, what is wrong)."""
        if not is_licence(self.licence):
            yield "licence", f"must be one that the Hub lists, such as apache-2.0, or other; got {self.licence!r}"
        if (self.licence == "other") != bool(self.licence_name and self.licence_link):
            yield "licence", "is other exactly where licence_name and licence_link are given"
        for code in self.language:
            if not is_language(code):
                yield "language", f"must be codes of ISO 639-1 such as en; got {code!r}"
        for key in ("description", "intended_use", "limits"):
            if not getattr(self, key).strip():
                yield key, "must not be empty"
