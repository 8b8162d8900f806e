"""Features on disk: model inputs as ragged, memory-mapped arrays, one folder a split.

What arrays a split holds is its task's knowledge; what every task's features say of themselves is here.
"""

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact, Format
from podtune.formats.profile import SplitProfile
from podtune.formats.sealed import FileEntry, OfTheRun


@dataclass(frozen=True)
class SplitFacts:
    """The size of one split."""

    examples: int
    """Units of scoring: questions or images."""

    rows: int
    """Units of training: windows, questions or images."""

    tokens: int
    """Over all rows, without padding."""

    digest: str
    """SHA-256 of the examples and their true answers, whatever the tokenizer: the identity of an evaluation."""


@dataclass(frozen=True)
class FeaturesFacts:
    """How a Features directory was made."""

    task: str
    """question-answering, …"""

    raw_data: str
    """Digest of the RawData."""

    tokenizer: str
    """SHA-256 of the tokenizer's file; a model with another tokenizer is refused."""

    vocabulary_size: int
    """Token ids are below it."""

    settings: Dict[str, Any]
    """The recipe's features section."""

    splits: Dict[str, SplitFacts]

    details: Dict[str, Any] = field(default_factory=dict)
    """Further counts for the card, such as how much was set aside."""

    profile: Dict[str, SplitProfile] = field(default_factory=dict)
    """Of each split; features of earlier versions have none."""


PREVIEWS = "previews"
"""Folder of the pictures that a card shows (formats/previews.py)."""

FEATURES = Format("features", 1, FeaturesFacts, OfTheRun(files=(f"{PREVIEWS}/",)))
Features = Artifact[FeaturesFacts]


def require_counts(counts: Mapping[str, int], expected: Mapping[str, int], setting: str, what: str, data: str) -> None:
    """Stop where a split has not as many of something as a recipe expects: the data is not the published one."""
    for split, count in expected.items():
        if counts.get(split, 0) != count:
            given = f"{data} gives {counts.get(split, 0):,} {what} for {split}; features.{setting} says {count:,}"
            cure = f"if they are meant to be others: --set features.{setting}={{}}"
            raise BadInput(f"{given}: the data, the tokenizer or the settings are others than the recipe's; {cure}")


def require_tokenizer(features: Features, file: Optional[FileEntry], model: str, remedy: str) -> None:
    """Stop where features were made with another tokenizer than a model's, given by its tokenizer.json."""
    wanted, found = features.facts.tokenizer, file.sha256 if file else "none"
    if found != wanted:
        made = f"features in {features.path} were made for the tokenizer with SHA-256 {wanted}"
        raise BadInput(f"{made}; {model} has {found}; {remedy}")
