"""The `evaluation` section of a visual question-answering recipe."""

from dataclasses import dataclass
from typing import Iterator, Tuple


@dataclass(frozen=True)
class EvaluationSettings:
    """What a visual question-answering model is scored on; the scores' definitions leave nothing to set."""

    split: str = "validation"
    bootstrap_samples: int = 1000
    """Resamplings behind each 95 % interval."""

    seed: int = 0
    """Of the resampling."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Settings under which nothing can be scored, as (key, what is wrong)."""
        if self.bootstrap_samples < 1:
            yield "bootstrap_samples", f"must be at least 1; got {self.bootstrap_samples}"
        if self.seed < 0:
            yield "seed", f"must not be negative; got {self.seed}"
