"""Verdict on disk: whether a model may be released, against which champion, and why."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Literal, Optional

from podtune.formats.artifact import Artifact, Format
from podtune.formats.profile import SplitProfile

Finding = Literal["better", "not worse", "worse", "too few examples to tell"]
"""What the paired examples show of a model beside another: not worse is by more than the tolerance."""


@dataclass(frozen=True)
class Difference:
    """A metric of the new model minus the champion's on the same examples."""

    champion: float
    """The champion's own value on them."""

    value: float
    low: float
    """Lower end of the paired 95 % interval."""

    high: float
    """Upper end of the same."""


@dataclass(frozen=True)
class SliceDifference:
    """The differences on a subset of the examples (evaluation.Slice)."""

    name: str
    value: str
    metrics: Dict[str, Difference]


@dataclass(frozen=True)
class ChangedExample:
    """An example that the two models did not do alike."""

    id: str
    champion: str
    """The champion's prediction."""


@dataclass(frozen=True)
class Changes:
    """Examples that one of the two models did better than the other, by the gate's metric."""

    count: int = 0
    examples: List[ChangedExample] = field(default_factory=list)
    """A few of those that changed most, the most changed first."""


@dataclass(frozen=True)
class PastVersion:
    """A version in the store, as its manifest describes it."""

    version: str
    created: str
    """ISO 8601, UTC."""

    examples: int
    """The denominator of its metrics."""

    metrics: Dict[str, float]


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

    differences: Dict[str, Difference] = field(default_factory=dict)
    """By metric, of those that each example has in both evaluations; empty if nothing was paired."""

    slices: List[SliceDifference] = field(default_factory=list)
    better: Changes = field(default_factory=Changes)
    """What the new model does better."""

    worse: Changes = field(default_factory=Changes)
    """What the champion does better."""

    history: List[PastVersion] = field(default_factory=list)
    """The newest versions of this name that the store held before, oldest first."""

    anchor: Optional[str] = None
    """Version of the anchor, which may be the live one; None if there was none."""

    anchor_difference: Dict[str, float] = field(default_factory=dict)
    """New minus anchor, as `difference`; empty where the live release is the anchor."""

    finding: Optional[Finding] = None
    """The less favourable of what the live release and the anchor show; None if nothing was paired."""

    smallest: Optional[float] = None
    """The smallest loss that so many examples tell from none in 80 of 100 cases, in the unit of the gate's metric."""

    examples: int = 0
    """How many were paired; 0 if none were."""

    champion_profile: Dict[str, SplitProfile] = field(default_factory=dict)
    """Of the live release's data; empty where there is none, or it does not say."""

    anchors: Dict[str, str] = field(default_factory=dict)
    """What the release records of its anchor (release.ModelFacts.anchors); empty where a person named it."""

    grouped_by: str = ""
    """What the paired examples share of which the intervals take account, such as article; empty where each counts for
    itself, as in verdicts of earlier versions."""

    @property
    def could_compare(self) -> bool:
        """Whether nothing kept the gate from reading the scores of the live release and of the anchor."""
        with_live = self.champion is None or bool(self.champion_metrics)
        return with_live and (self.anchor in (None, self.champion) or bool(self.anchor_difference))


VERDICT = Format("verdict", 1, VerdictFacts)
Verdict = Artifact[VerdictFacts]
