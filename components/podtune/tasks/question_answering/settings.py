"""The `evaluation` section of a recipe: how outputs become answers, and answers scores."""

from dataclasses import dataclass
from typing import Iterator, Tuple

from podtune.tasks.question_answering.decoding import DecodingSettings


@dataclass(frozen=True)
class EvaluationSettings:
    """How a question-answering model is scored."""

    split: str = "validation"
    n_best: int = DecodingSettings.n_best
    """Start and end positions considered per window."""

    max_answer_length: int = DecodingSettings.max_answer_length
    """Tokens."""

    null_score_threshold: float = DecodingSettings.null_score_threshold
    """SQuAD v2 only: no answer where its score beats the best answer's by more than this."""

    bootstrap_samples: int = 1000
    """Resamplings behind each 95 % interval."""

    seed: int = 0
    """Of the resampling."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Settings under which nothing can be scored, as (key, what is wrong)."""
        for key in ("n_best", "max_answer_length", "bootstrap_samples"):
            if getattr(self, key) < 1:
                yield key, f"must be at least 1; got {getattr(self, key)}"
        if self.seed < 0:
            yield "seed", f"must not be negative; got {self.seed}"
