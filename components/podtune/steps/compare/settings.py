"""The `gate` section of a recipe: what a model has to achieve to be released."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, Literal, Optional, Tuple


@dataclass(frozen=True)
class GateSettings:
    """Absolute floors, and the tolerance relative to the live release and the anchor."""

    metric: str
    """Metric to compare with the live release, such as f1; each example must have it, as with accuracy and cider but
    not BLEU."""

    floors: Dict[str, float] = field(default_factory=dict)
    """Minimum by metric; any metric of the evaluation."""

    tolerance: float = 1.0
    """In the metric's own unit, percent or for cider one of 10: with 95% confidence the new model is not worse by more
    than this."""

    anchor: Optional[int] = None
    """The version that, beside the live one, no model may be worse than by more than the tolerance; by default the best
    so far by `metric` on the same examples."""

    other_data: Literal["refuse", "accept"] = "refuse"
    """What to do if the live release was evaluated on different examples, so that the scores cannot be paired."""

    too_few: Literal["refuse", "accept"] = "refuse"
    """What to do, in a scheduled run too, if there are too few examples to tell whether the model is as good or worse
    by more than the tolerance; one that they show to be worse is refused in any case."""

    bootstrap_samples: int = 1000
    """Resamplings behind the 95 % interval of the difference."""

    seed: int = 0
    """Of the resampling."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Yield impossible settings, as (key, what is wrong)."""
        for key in ("tolerance", "seed"):
            if getattr(self, key) < 0:
                yield key, f"must not be negative; got {getattr(self, key)}"
        if self.anchor is not None and self.anchor < 1:
            yield "anchor", f"must be a version, counted from 1; got {self.anchor}"
        if self.bootstrap_samples < 1:
            yield "bootstrap_samples", f"must be at least 1; got {self.bootstrap_samples}"
