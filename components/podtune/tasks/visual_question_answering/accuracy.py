"""How much of a question an answer gets right, from 0 to 1, by the official definitions of VQA and GQA."""

from typing import Sequence

from podtune.tasks.visual_question_answering.normalisation import clean, normalise
from podtune.tasks.visual_question_answering.questions import VisualQuestion

_ENOUGH = 3
"""So many others who say the same make an answer wholly right."""


def accuracy(question: VisualQuestion, predicted: str) -> float:
    """VQA's soft accuracy where it is known what people answered, else the weight of the label that was predicted."""
    if question.answers:
        return soft_accuracy(predicted, question.answers)
    return question.labels.get(predicted, 0.0)


def soft_accuracy(predicted: str, answers: Sequence[str]) -> float:
    """The mean over the people who answered, each time of how many of the others said the same, a third each.

    Answers are compared by the official rules where people differ, and letter by letter where all say the same.
    """
    predicted, said = clean(predicted), [clean(answer) for answer in answers]
    if len(set(said)) > 1:
        predicted, said = normalise(predicted), [normalise(answer) for answer in said]
    people, agree = len(said), said.count(predicted)
    thirds = agree * min(_ENOUGH, agree - 1) + (people - agree) * min(_ENOUGH, agree)
    return thirds / (_ENOUGH * people)
