"""From an engine's logits to what a question-answering model scores, every question exactly once."""

import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from podtune.errors import PodtuneError
from podtune.formats.ragged import Array
from podtune.tasks.groups import Groups, largest_groups
from podtune.tasks.question_answering.decoding import Decoded, decode, decode_or_abstain
from podtune.tasks.question_answering.official_scores import any_unanswerable, percent, score_predictions
from podtune.tasks.question_answering.questions import Question, read_articles, read_contexts, read_questions
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.question_answering.windows import QuestionWindows, open_windows
from podtune.tasks.scored import Scored, require_finite

SLICES = {
    "question_word": ("who", "what", "when", "where", "why", "which", "how", "other"),
    "answer_length": ("1 word", "2 words", "3 to 5 words", "6 words or more", "no answer"),
    "windows": ("1", "2", "3 or more"),
    "answerable": ("yes", "no"),
}
"""What questions are divided by, and the values in their order."""

_QUESTION_WORD = re.compile(r"\b(who|whom|whose|what|when|where|why|which|how)\b", re.IGNORECASE)


def score_windows(features: Path, split: str, outputs: Mapping[str, Array], settings: EvaluationSettings) -> Scored:
    """Answer and score every question of a split.

    `outputs` has float32 [tokens] start_logits and end_logits in the order of the windows' tokens. Where some question
    has no answer, SQuAD 2.0's rules hold, else 1.1's.
    """
    windows, questions = open_windows(features, split), read_questions(features, split)
    window_counts = _windows_of_each(windows, questions)
    for name, values in outputs.items():
        require_finite(f"{name} of question", values, windows.question_of_token, verb="are")
    answer = decode_or_abstain if any_unanswerable(questions) else decode
    decoded = answer(windows, outputs, settings)
    contexts = read_contexts(features, split)
    texts = [decoded.text(row, contexts[question.context]) for row, question in zip(decoded.answers, questions)]
    scores = vars(score_predictions(questions, dict(zip((question.id for question in questions), texts))))
    records = _records(questions, texts, decoded, scores)
    for record, slices in zip(records, slices_of_questions(questions, window_counts)):
        record["slices"] = slices
    return Scored(
        metrics={name: 100 * values for name, values in scores.items()},
        values={name: percent(values) for name, values in scores.items()},
        loss=span_loss(windows, outputs),
        records=records,
        predictions={record["id"]: record["prediction"] for record in records},
        groups=groups_of_questions([question.context for question in questions], read_articles(features, split)),
    )


def groups_of_questions(contexts: Sequence[int], articles: Sequence[int]) -> Groups:
    """Group questions by article, or by context where there are too few articles, as where none is known (-1)."""
    known = [(article, -1 if article >= 0 else context) for article, context in zip(articles, contexts)]
    return largest_groups({"article": known if max(articles, default=-1) >= 0 else (), "context": contexts})


def span_loss(windows: QuestionWindows, outputs: Mapping[str, Array]) -> float:
    """Mean over the windows of the mean of two cross-entropies, each a softmax over the window's own tokens."""
    starts, lengths = windows.tokens.offsets[:-1], windows.lengths
    losses = np.zeros(len(windows))
    for name, labels in (("start_logits", windows.answer_start), ("end_logits", windows.answer_end)):
        logits = outputs[name].astype(np.float64)
        largest = np.maximum.reduceat(logits, starts)
        sums = np.add.reduceat(np.exp(logits - np.repeat(largest, lengths)), starts)
        losses += largest + np.log(sums) - logits[starts + labels]
    return float(losses.mean() / 2)


def _windows_of_each(windows: QuestionWindows, questions: Sequence[Question]) -> Array:
    """int64 [questions]: the windows of each; every question must have one, or it could not be scored."""
    counts = np.bincount(windows.question, minlength=len(questions))
    if len(counts) != len(questions) or not counts.all():
        row = int(np.argmin(counts[: len(questions)]))
        raise PodtuneError(
            f"{windows.directory} has {len(questions)} questions, but windows of other ones: question "
            f"{questions[row].id!r} has {counts[row]}; make the features again"
        )
    return counts


def _records(
    questions: Sequence[Question], texts: Sequence[str], decoded: Decoded, scores: Mapping[str, Array]
) -> List[Dict[str, Any]]:
    probabilities = decoded.probabilities[decoded.answers].tolist()
    starts = decoded.candidates.start[decoded.answers].tolist()
    percents = {name: (100 * values).tolist() for name, values in scores.items()}
    return [
        {
            "id": question.id,
            "question": question.question,
            "prediction": texts[row],
            "start": starts[row],
            "probability": probabilities[row],
            "answers": [answer.text for answer in question.answers],
            "scores": {name: values[row] for name, values in percents.items()},
        }
        for row, question in enumerate(questions)
    ]


def slices_of_questions(questions: Sequence[Question], windows: np.ndarray) -> List[Dict[str, str]]:
    """Slice name to value for every question; `windows` counts the windows of each.

    Only where some question has no answer, as in SQuAD 2.0, are they also divided by that.
    """
    slices = [
        {
            "question_word": question_word(question.question),
            "answer_length": answer_length(question),
            "windows": str(count) if count < 3 else "3 or more",
        }
        for question, count in zip(questions, windows.tolist())
    ]
    if any_unanswerable(questions):
        for values, question in zip(slices, questions):
            values["answerable"] = "yes" if question.answers else "no"
    return slices


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
