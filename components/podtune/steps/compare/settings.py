"""The `gate` section of a recipe: what a model must show before it is released."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, Literal, Tuple


@dataclass(frozen=True)
class GateSettings:
    """Absolute floors, and how much worse than the live release a model may be."""

    metric: str
    """What is compared with the live release, such as f1; one that each example is scored by, as accuracy and cider are
    and BLEU is not."""

    floors: Dict[str, float] = field(default_factory=dict)
    """Metric to the least value that is released; any metric of the evaluation."""

    tolerance: float = 1.0
    """In the metric's own unit, percent or for cider one of 10: with 95% confidence the new model is not worse by more
    than this."""

    other_data: Literal["refuse", "accept"] = "refuse"
    """What to do when the live release was evaluated on other examples, so that nothing can be paired."""

    bootstrap_samples: int = 1000
    seed: int = 0

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Gates that cannot decide, as (key, what is wrong)."""
        for key in ("tolerance", "seed"):
            if getattr(self, key) < 0:
                yield key, f"must not be negative; got {getattr(self, key)}"
        if self.bootstrap_samples < 1:
            yield "bootstrap_samples", f"must be at least 1; got {self.bootstrap_samples}"
