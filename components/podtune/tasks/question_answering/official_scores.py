"""SQuAD's official scores of answers, by the definitions of version 1.1 and of version 2.0."""

import re
import string
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import List, Mapping, Sequence, Tuple

import numpy as np

from podtune.tasks.question_answering.questions import Question

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True)
class Scores:
    """What each question's answer earns, from 0 to 1."""

    exact_match: np.ndarray
    """float64 [questions]: 1 where the answer is a true one, letter case, punctuation and articles aside."""

    f1: np.ndarray
    """float64 [questions]: harmonic mean of precision and recall over words, against the closest true answer."""


def score_predictions(questions: Sequence[Question], predictions: Mapping[str, str]) -> Scores:
    """Score the text predicted for each question's id; a missing one earns nothing.

    Version 2.0's definitions hold where some question has no answer, else version 1.1's.
    """
    score = _score_2_0 if any_unanswerable(questions) else _score_1_1
    normalise = lru_cache(maxsize=None)(normalise_answer)
    scores = np.zeros((len(questions), 2))
    for row, question in enumerate(questions):
        if question.id in predictions:
            truths = [normalise(answer.text) for answer in question.answers]
            scores[row] = score(normalise(predictions[question.id]), truths)
    return Scores(scores[:, 0], scores[:, 1])


def any_unanswerable(questions: Sequence[Question]) -> bool:
    """Whether some question has no answer, as in SQuAD 2.0."""
    return not all(question.answers for question in questions)


def percent(scores: np.ndarray) -> float:
    """The mean in percent, added from left to right as published: numpy's own sum ends in other digits."""
    return float(100.0 * np.add.accumulate(scores)[-1] / len(scores))


def normalise_answer(text: str) -> str:
    """Lower the case, delete ASCII punctuation, blank out articles, leave single spaces: in this order."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _score_1_1(predicted: str, truths: List[str]) -> Tuple[float, float]:
    """Exact match and F1; of two empty texts the F1 is 0, since they share no word."""
    if predicted in truths:
        return 1.0, 1.0 if predicted else 0.0
    return 0.0, max(_word_f1(predicted, truth) for truth in truths)


def _score_2_0(predicted: str, truths: List[str]) -> Tuple[float, float]:
    """Exact match and F1; true answers of which nothing is left do not count, and with none left "" is true."""
    truths = [truth for truth in truths if truth] or [""]
    if predicted in truths:
        return 1.0, 1.0
    return 0.0, max(_word_f1(predicted, truth) for truth in truths)


def _word_f1(predicted: str, truth: str) -> float:
    """F1 over the words of two normalised texts; a repeated word counts as often as both have it."""
    predicted_words, true_words = predicted.split(), truth.split()
    shared = sum((Counter(predicted_words) & Counter(true_words)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted_words), shared / len(true_words)
    return (2 * precision * recall) / (precision + recall)
