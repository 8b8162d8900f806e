"""The `evaluation` section of a captioning recipe: how captions are written, and what they are scored on."""

from dataclasses import dataclass, fields
from typing import Any, Iterator, Mapping, Tuple


@dataclass(frozen=True)
class BeamSearch:
    """How a model's probabilities become a caption; the same caption every time."""

    beams: int = 4
    """Beginnings of a caption that are followed at a time; 1 takes the likeliest token, always."""

    max_length: int = 64
    """Tokens that are written at most, as far as the model has positions."""

    length_penalty: float = 1.0
    """A caption's score is its log-probability, divided by its number of tokens to the power of this."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How a captioning model is scored; the scores' definitions leave nothing to set."""

    split: str = "validation"
    beams: int = BeamSearch.beams
    """Beginnings of a caption that are followed at a time; 1 takes the likeliest token, always."""

    max_length: int = BeamSearch.max_length
    """Tokens that are written at most, as far as the model has positions."""

    length_penalty: float = BeamSearch.length_penalty
    """A caption's score is its log-probability, divided by its number of tokens to the power of this."""

    padded_length: int = 0
    """Tokens to which another program pads its captions, whose loss averages over the padding too: ours is also noted
    as it would be counted there. 0 notes none."""

    bootstrap_samples: int = 1000
    """Resamplings behind each 95 % interval."""

    seed: int = 0
    """Of the resampling."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Settings under which nothing can be scored, as (key, what is wrong)."""
        for key in ("beams", "max_length", "bootstrap_samples"):
            if getattr(self, key) < 1:
                yield key, f"must be at least 1; got {getattr(self, key)}"
        for key in ("padded_length", "seed"):
            if getattr(self, key) < 0:
                yield key, f"must not be negative; got {getattr(self, key)}"


def beam_search(settings: Mapping[str, Any]) -> BeamSearch:
    """Those of an evaluation section that say how captions are written, the others as they are by default."""
    names = (field.name for field in fields(BeamSearch))
    return BeamSearch(**{name: settings[name] for name in names if name in settings})
