"""The `card` section of a recipe; the card says where something is not stated."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Tuple

from podtune.cards.hub_rules import is_language, is_licence


@dataclass(frozen=True)
class Reference:
    """Published results to compare with."""

    source: str
    """Who published them, and how contradictions were resolved."""

    metrics: Dict[str, float]
    """By name, in our units."""


@dataclass(frozen=True)
class CardSettings:
    """What the author says about a model."""

    licence: str = ""
    """Licence of the released model: an identifier that the Hugging Face Hub lists, or other."""

    language: List[str] = field(default_factory=list)
    """ISO 639-1 codes."""

    description: str = ""
    """One paragraph on what the model is."""

    intended_use: str = ""
    """What it is good for."""

    limits: str = ""
    """What it should not be used for, and its known failures."""

    licence_name: str = ""
    """Only if licence is other."""

    licence_link: str = ""
    """Only if licence is other: a URL, or LICENSE for a file next to the card."""

    tags: List[str] = field(default_factory=list)
    """Further words by which the Hub finds it."""

    reference: Optional[Reference] = None
    """Published results to compare with."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Yield what the Hub would refuse, as (key, what is wrong)."""
        if self.licence and not is_licence(self.licence):
            yield "licence", f"must be one that the Hub lists, such as apache-2.0, or other; got {self.licence!r}"
        if (self.licence == "other") != bool(self.licence_name and self.licence_link):
            yield "licence", "must be other exactly when licence_name and licence_link are set"
        for code in self.language:
            if not is_language(code):
                yield "language", f"must be ISO 639-1 codes such as en; got {code!r}"
