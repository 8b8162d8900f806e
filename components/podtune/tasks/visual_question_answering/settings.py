"""The sections of a visual question-answering recipe: what is learnt of the published files, and what is scored."""

from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Literal, Tuple

from podtune.formats.set_aside import mistakes_in_policy
from podtune.tasks.scored import mistakes_in_scoring


@dataclass(frozen=True)
class LxmertSettings:
    """What becomes of the published questions, answers and regions."""

    labels: Literal["soft", "hard"]
    """Whether several answers of a question may be right, each as much as people gave it (VQA), or one is (GQA)."""

    max_length: int = 20
    """Tokens of a question, special tokens included; the original authors' number. The rest is cut off."""

    regions: int = 36
    """Regions of every image."""

    answers_from: List[str] = field(default_factory=lambda: ["train"])
    """Splits whose answers make the vocabulary where the data has none. VQA's published 3,129 are from the training and
    the validation split."""

    minimum_answers: int = 9
    """Questions that an answer must be the chosen one of, to be in a vocabulary that is made."""

    expected_answers: int = 0
    """Size of the vocabulary, where it is known; another number stops the step. 0: not checked."""

    expected_questions: Dict[str, int] = field(default_factory=dict)
    """Split to the questions that are known to come out; another number stops the step. Empty: not checked."""

    expected_images: Dict[str, int] = field(default_factory=dict)
    """Split to the images that they ask about, in the same way; `podtune plan` says what these will take."""

    bad_rows: Literal["stop", "set_aside"] = "stop"
    """What an image whose regions cannot be read does, and a question that cannot be read or whose image has none: it
    stops the step, which lists all of them, or is left out, listed and counted."""

    most_set_aside: float = 0.01
    """Share of a split's questions that may be left out so; more stop the step."""

    most_duplicates: float = 0.01
    """Share of another split's questions that may stand in the training split too, about the same image, whatever their
    case, white space and punctuation; more stop the step. Images are the same by their name and their boxes."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """What cannot be prepared, as (key, what is wrong)."""
        for key, least in (("max_length", 3), ("regions", 1), ("minimum_answers", 1), ("expected_answers", 0)):
            value = getattr(self, key)
            if value < least:
                yield key, f"must be at least {least}; got {value}"
        if not self.answers_from:
            yield "answers_from", "must name at least one split"
        yield from mistakes_in_policy(self)


@dataclass(frozen=True)
class EvaluationSettings:
    """What a visual question-answering model is scored on; the scores' definitions leave nothing to set."""

    split: str = "validation"
    """Which is scored."""

    bootstrap_samples: int = 1000
    """Resamplings behind the 95 % interval of a metric that is no mean over the examples, such as BLEU."""

    seed: int = 0
    """Of the resampling."""

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Settings under which nothing can be scored, as (key, what is wrong)."""
        return mistakes_in_scoring(self)
