"""What parts of a data set are scored apart: each question's values, as a reader of the report will see them."""

import re
from typing import Dict, List, Sequence

import numpy as np

from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.scoring import any_unanswerable

_QUESTION_WORD = re.compile(r"\b(who|whom|whose|what|when|where|why|which|how)\b", re.IGNORECASE)


def slices_of(questions: Sequence[Question], windows: np.ndarray) -> List[Dict[str, str]]:
    """Slice name to value for every question; `windows` counts the windows of each.

    Only where some question has no answer, as in SQuAD 2.0, are they also divided by that.
    """
    found = [
        {
            "question_word": question_word(question.question),
            "answer_length": answer_length(question),
            "windows": str(count) if count < 3 else "3 or more",
        }
        for question, count in zip(questions, windows.tolist())
    ]
    if any_unanswerable(questions):
        for values, question in zip(found, questions):
            values["answerable"] = "yes" if question.answers else "no"
    return found


def question_word(text: str) -> str:
    """Find the first of who, what, when, where, why, which, how, wherever it stands; whom and whose count as who."""
    match = _QUESTION_WORD.search(text)
    if match is None:
        return "other"
    word = match.group().lower()
    return "who" if word.startswith("who") else word


def answer_length(question: Question) -> str:
    """How many words the first true answer has, roughly."""
    if not question.answers:
        return "no answer"
    words = len(question.answers[0].text.split())
    if words < 3:
        return "2 words" if words == 2 else "1 word"
    return "3 to 5 words" if words < 6 else "6 words or more"
