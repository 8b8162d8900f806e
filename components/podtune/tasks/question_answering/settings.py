"""The sections of a question-answering recipe: how contexts are cut into windows, and how outputs become answers."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, Literal, Tuple

from podtune.formats.set_aside import mistakes_in_policy
from podtune.tasks.scored import mistakes_in_scoring


@dataclass(frozen=True)
class WindowSettings:
    """Window semantics of transformers' question-answering example."""

    max_length: int = 384
    """Tokens of a window: question, context and special tokens."""

    overlap: int = 128
    """Context tokens that two neighbouring windows share; the example calls it doc_stride."""

    expected_windows: Dict[str, int] = field(default_factory=dict)
    """Split to the windows that are known to come out; another number stops the step. Empty: not checked."""

    bad_rows: Literal["stop", "set_aside"] = "stop"
    """What a question that cannot be used does, as its answer is not where it is said to be or it is longer than a
    window: it stops the step, which lists all of them, or is left out, listed and counted."""

    most_set_aside: float = 0.01
    """Share of a split's questions that may be left out so; more stop the step."""

    most_duplicates: float = 0.01
    """Share of another split's questions that may stand in the training split too, on the same context, whatever the
    case, white space and punctuation of both; more stop the step."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Windows that cannot be cut, as (key, what is wrong)."""
        if self.max_length < 8:
            yield "max_length", f"must be at least 8; got {self.max_length}"
        if not 0 <= self.overlap < self.max_length:
            yield "overlap", f"must lie between 0 and below max_length {self.max_length}; got {self.overlap}"
        yield from mistakes_in_policy(self)


@dataclass(frozen=True)
class EvaluationSettings:
    """How a question-answering model is scored."""

    split: str = "validation"
    """Which is scored."""

    n_best: int = 20
    """Start and end positions considered per window, and candidates kept per question."""

    max_answer_length: int = 30
    """Tokens of the longest answer that is considered."""

    null_score_threshold: float = 0.0
    """SQuAD 2.0 only: no answer where its score beats the best answer's by more than this."""

    bootstrap_samples: int = 1000
    """Resamplings behind the 95 % interval of a metric that is no mean over the examples, such as BLEU."""

    seed: int = 0
    """Of the resampling."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Settings under which nothing can be scored, as (key, what is wrong)."""
        return mistakes_in_scoring(self, at_least_1="n_best max_answer_length")
