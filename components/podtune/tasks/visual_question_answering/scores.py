"""From an engine's outputs to what a visual question-answering model scores, every question exactly once."""

import logging
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from podtune.formats.ragged import Array
from podtune.parsing import MOST_DIGITS
from podtune.tasks.groups import largest_groups
from podtune.tasks.scored import Scored, require_finite, require_one_each
from podtune.tasks.visual_question_answering.accuracy import accuracy
from podtune.tasks.visual_question_answering.questions import VisualQuestion, read_answers, read_questions

METRIC = "accuracy"

_log = logging.getLogger(__name__)


def score_answers(features: Path, split: str, outputs: Mapping[str, Array], *, soft: bool) -> Scored:
    """Score the predicted answer of every question of a split.

    `outputs` has for each question answer, probability and loss. Questions whose answers are all out of vocabulary
    cannot be got right; they count as the others do, but with hard labels (not `soft`) they have no loss.
    """
    questions, answers = read_questions(features, split), read_answers(features)
    require_one_each(outputs, len(questions), "questions")
    for name in ("probability", "loss"):
        require_finite(f"{name} of question", outputs[name], lambda row: questions[row].id)
    predictions = [answers[label] for label in outputs["answer"].tolist()]
    scores = 100 * np.array([accuracy(question, text) for question, text in zip(questions, predictions)])
    known = set(answers)
    unknown = np.array([known.isdisjoint(question.labels) for question in questions])
    counted = np.ones(len(questions), dtype=bool) if soft else ~unknown
    if unknown.any():
        text = "%s: %s of %s questions are out of vocabulary (%s answers): scored as wrong%s"
        counts = (f"{number:,}" for number in (unknown.sum(), len(unknown), len(answers)))
        _log.info(text, split, *counts, "" if soft else ", and left out of the loss")
    return Scored(
        metrics={METRIC: scores},
        values={METRIC: float(scores.mean())},
        loss=float(outputs["loss"][counted].mean(dtype=np.float64)) if counted.any() else 0.0,
        records=_records(questions, predictions, outputs["probability"], scores),
        predictions=prediction_file(questions, predictions),
        notes={"out_of_vocabulary": float(unknown.sum())},
        groups=largest_groups({"image": [question.image for question in questions]}),
    )


def prediction_file(questions: Sequence[VisualQuestion], predictions: Sequence[str]) -> List[Dict[str, Any]]:
    """One object a question, as VQA's server takes them where the questions have VQA's types, else as GQA's does."""
    if all("question_type" in question.slices or question.answers for question in questions):
        ids = [int(one.id) if one.id.isdecimal() and len(one.id) <= MOST_DIGITS else one.id for one in questions]
        return [{"question_id": name, "answer": text} for name, text in zip(ids, predictions)]
    return [{"questionId": question.id, "prediction": text} for question, text in zip(questions, predictions)]


def _records(
    questions: Sequence[VisualQuestion], predictions: Sequence[str], probabilities: Array, scores: Array
) -> List[Dict[str, Any]]:
    rows = zip(questions, predictions, probabilities.tolist(), scores.tolist())
    return [
        {
            "id": question.id,
            "question": question.question,
            "image": question.image,
            "prediction": predicted,
            "probability": probability,
            "answers": list(question.answers) or list(question.labels),
            "scores": {METRIC: score},
            "slices": dict(question.slices),
        }
        for question, predicted, probability, score in rows
    ]
