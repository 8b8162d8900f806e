"""The contexts of some questions, with their true answers in them."""

from typing import List, Sequence

from podtune.formats.features import Features
from podtune.tasks.question_answering.questions import read_contexts, read_questions
from podtune.tasks.task import Passage


def passages_of(features: Features, split: str, rows: Sequence[int]) -> List[Passage]:
    """Return the contexts of these rows of a split."""
    questions, contexts = read_questions(features.path, split), read_contexts(features.path, split)
    return [
        Passage(
            contexts[question.context],
            sorted({(answer.answer_start, answer.answer_start + len(answer.text)) for answer in question.answers}),
        )
        for question in (questions[row] for row in rows)
    ]
