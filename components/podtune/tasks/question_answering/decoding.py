"""From the logits of windows to answers: the post-processing of transformers' question-answering example, in numpy."""

from dataclasses import dataclass
from typing import Mapping, Tuple

import numpy as np

from podtune.formats.ragged import Array, offsets_of
from podtune.tasks.question_answering.candidates import Candidates, Logits, best_spans, joined, no_answers
from podtune.tasks.question_answering.settings import EvaluationSettings
from podtune.tasks.question_answering.windows import QuestionWindows

_PLACEHOLDER = "empty"
_OUTSIDE = -1  # of the context


@dataclass(frozen=True)
class Decoded:
    """The candidates of every question, best first, and which of them is its answer."""

    candidates: Candidates
    """Those of question i are offsets[i] to offsets[i + 1]; at least one."""

    offsets: Array
    """int64 [questions + 1]."""

    probabilities: Array
    """float64 [candidates]: softmax over the scores of the question's candidates."""

    answers: Array
    """int64 [questions]: the candidate that is the answer."""

    def text(self, candidate: int, context: str) -> str:
        """Read a candidate in its question's context; "" says that there is no answer."""
        start, end = self.characters(candidate, context)
        return _PLACEHOLDER if self.candidates.start[candidate] == _OUTSIDE else context[start:end]

    def characters(self, candidate: int, context: str) -> Tuple[int, int]:
        """First character of a candidate in its question's context, and the one after its last.

        Some tokenizers count the space before a word to its first token; it is left out.
        """
        start, end = max(int(self.candidates.start[candidate]), 0), int(self.candidates.end[candidate])
        first = start + len(context[start:end]) - len(context[start:end].lstrip())
        return first, first + len(context[start:end].strip())


def decode(windows: QuestionWindows, outputs: Mapping[str, Array], settings: EvaluationSettings) -> Decoded:
    """Answer every question as SQuAD 1.1 wants it: with its best span, or "empty" where none is possible.

    `outputs` are finite start_logits and end_logits, float32 [tokens], in the order of the windows' tokens.
    """
    spans = _best_spans(windows, outputs, settings)
    candidates = _ranked(spans, spans.take(np.arange(0)), settings.n_best)
    candidates, offsets = _completed(candidates, len(windows.question_context))
    return Decoded(candidates, offsets, _probabilities(candidates, offsets), answers=offsets[:-1])


def decode_or_abstain(windows: QuestionWindows, outputs: Mapping[str, Array], settings: EvaluationSettings) -> Decoded:
    """Answer every question as SQuAD 2.0 wants it: with "" where that scores better than the best span.

    `outputs` as for `decode`. Where the published loops find no text at all and crash, the answer is "".
    """
    nulls = no_answers(windows, _logits(outputs))
    candidates = _ranked(_best_spans(windows, outputs, settings), nulls, settings.n_best)
    candidates, offsets = _completed(candidates, len(nulls.question))
    best = _first_of_each(candidates, _says_something(candidates), len(nulls.question))
    # Two subtractions in float32, as published: one of the sum is rounded differently.
    lead = nulls.score - candidates.start_logit[best] - candidates.end_logit[best]
    null = _first_of_each(candidates, (candidates.start == 0) & (candidates.end == 0), len(nulls.question))
    answers = np.where((best < 0) | (lead > settings.null_score_threshold), null, best)
    return Decoded(candidates, offsets, _probabilities(candidates, offsets), answers)


def _logits(outputs: Mapping[str, Array]) -> Logits:
    return Logits(outputs["start_logits"], outputs["end_logits"])


def _best_spans(windows: QuestionWindows, outputs: Mapping[str, Array], settings: EvaluationSettings) -> Candidates:
    return best_spans(windows, _logits(outputs), settings.n_best, settings.max_answer_length)


def _ranked(spans: Candidates, nulls: Candidates, n_best: int) -> Candidates:
    """The `n_best` of each question, best first, and in any case its null, which ranks behind its equals."""
    both = joined([spans, nulls])
    order = np.lexsort((-both.score, both.question))
    question = both.question[order]
    rank = np.arange(len(order)) - np.searchsorted(question, question)
    return both.take(order[(rank < n_best) | (order >= len(spans.question))])


def _completed(candidates: Candidates, questions: int) -> Tuple[Candidates, Array]:
    """Put the placeholder, scored 0, before questions that have no candidate, or one that says nothing."""
    counts = np.bincount(candidates.question, minlength=questions)
    texts = np.bincount(candidates.question[_says_something(candidates)], minlength=questions)
    lacking = np.flatnonzero((counts == 0) | ((counts == 1) & (texts == 0)))
    counts[lacking] += 1
    zero = np.zeros(len(lacking), dtype=np.float32)
    placeholders = Candidates(lacking, np.full(len(lacking), _OUTSIDE), np.zeros(len(lacking), np.int64), zero, zero)
    both = joined([placeholders, candidates])
    return both.take(np.argsort(both.question, kind="stable")), offsets_of(counts)


def _says_something(candidates: Candidates) -> Array:
    return candidates.end > candidates.start


def _first_of_each(candidates: Candidates, selected: Array, questions: int) -> Array:
    """int64 [questions]: the first selected candidate of each question; -1 where there is none."""
    chosen = np.flatnonzero(selected)
    question, first = np.unique(candidates.question[chosen], return_index=True)
    result = np.full(questions, -1)
    result[question] = chosen[first]
    return result


def _probabilities(candidates: Candidates, offsets: Array) -> Array:
    score, counts = candidates.score.astype(np.float64), np.diff(offsets)
    weights = np.exp(score - np.repeat(np.maximum.reduceat(score, offsets[:-1]), counts))
    return weights / np.repeat(np.add.reduceat(weights, offsets[:-1]), counts)  # type: ignore[no-any-return]  # numpy's division is Any
