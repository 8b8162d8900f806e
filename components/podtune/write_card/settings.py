"""The `card` section of a recipe: what the run's records cannot know."""

from dataclasses import dataclass, field
from typing import Dict, List, Optional


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
    """Of the released model; SPDX identifier in lower case."""

    language: List[str]
    """ISO 639-1 codes."""

    description: str
    """What the model is, in one paragraph."""

    intended_use: str
    limits: str
    """What it should not be used for, and where it is known to fail."""

    tags: List[str] = field(default_factory=list)
    reference: Optional[Reference] = None
