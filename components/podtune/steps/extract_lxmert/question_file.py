"""What the readers of questions return, whichever published form they read."""

from dataclasses import dataclass
from typing import List, Mapping

from podtune.errors import BadInput
from podtune.tasks.visual_question_answering.questions import VisualQuestion


@dataclass(frozen=True)
class QuestionFile:
    """The questions of one split, in their order."""

    questions: List[VisualQuestion]
    chosen: List[str]
    """The one answer of each that counts where a vocabulary is made; empty where there is none."""

    def require_distinct(self, place: object) -> None:
        """BadInput where there is no question, or two have the same id."""
        if not self.questions:
            raise BadInput(f"{place} holds no question")
        seen = set()
        for question in self.questions:
            if question.id in seen:
                raise BadInput(f"{place}: the id {question.id!r} is given to two questions; ids must differ")
            seen.add(question.id)


def most_right(labels: Mapping[str, float]) -> str:
    """The answer that weighs most, the first of equal ones; empty where there is none."""
    return max(labels, key=labels.__getitem__, default="")
