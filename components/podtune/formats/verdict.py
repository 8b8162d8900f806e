"""Verdict on disk: whether a model may be released, against which champion, and why."""

from dataclasses import dataclass
from typing import Any, Dict, List, Literal, Optional

from podtune.formats.artifact import Artifact, Format


@dataclass(frozen=True)
class VerdictFacts:
    """A gate's decision."""

    decision: Literal["accept", "accept-first", "refuse"]
    """accept-first: there is no live release to compare with."""

    reasons: List[str]
    """In words, the decisive one first."""

    evaluation: str
    """Digest of the Evaluation that was judged."""

    champion: Optional[str]
    """Version of the live release it was compared with; None if there was none."""

    champion_metrics: Dict[str, float]
    difference: Dict[str, float]
    """New minus champion on the same examples: value, low, high (95 %); empty if nothing was paired."""

    settings: Dict[str, Any]
    """The recipe's gate section with all defaults."""


VERDICT = Format("verdict", 1, VerdictFacts)
Verdict = Artifact[VerdictFacts]
