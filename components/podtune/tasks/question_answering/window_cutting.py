"""Cut contexts into windows of tokens, and locate the answers in them.

All by the rules of transformers' question-answering example: a window is as long as allowed, shares `overlap`
context tokens with the one before it, and is kept whether it holds the answer or not.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

import numpy as np

from podtune.formats.bad_rows import BadRows
from podtune.formats.ragged import Array, Ragged, gather, offsets_of
from podtune.tasks.question_answering.encoding import EncodedSplit
from podtune.tasks.question_answering.pair_tokenizer import PairTokenizer
from podtune.tasks.question_answering.questions import Question
from podtune.tasks.question_answering.settings import WindowSettings
from podtune.tasks.question_answering.squad import SquadSplit
from podtune.tasks.question_answering.windows import QuestionWindows

_CONTEXT = np.int64(1 << 32)
"""A key is a context's number times this, plus a character: one sorted search then serves all contexts."""


@dataclass(frozen=True)
class _Windows:
    """Which piece of its context each window holds; int64 [windows]."""

    question: Array
    context: Array
    first: Array
    """Which token of the context is the window's first."""

    length: Array
    """Context tokens in the window."""


def cut_windows(
    directory: Path, split: SquadSplit, encoded: EncodedSplit, *, pair: PairTokenizer, settings: WindowSettings
) -> QuestionWindows:
    """Cut a split into windows, to be written to `directory`; BadInput names the questions that no window can hold."""
    bad_rows = BadRows(split.file)
    long_questions(split, encoded, bad_rows, pair=pair, settings=settings)
    bad_rows.stop()
    context_of, room = _contexts(split), settings.max_length - pair.special_tokens - encoded.questions.lengths
    windows = _cover(context_of, encoded.contexts.lengths, room, overlap=settings.overlap)
    context_start = len(pair.before) + encoded.questions.lengths[windows.question] + len(pair.between)
    starts, ends = _answers(split.questions, encoded.spans, windows)
    held = ends >= 0
    return QuestionWindows(
        directory=directory,
        tokens=_tokens(encoded, windows, pair),
        context_start=context_start.astype(np.int32),
        context_length=windows.length.astype(np.int32),
        first_context_token=windows.first.astype(np.int32),
        question=windows.question.astype(np.int32),
        answer_start=np.where(held, context_start + starts, 0).astype(np.int32),
        answer_end=np.where(held, context_start + ends, 0).astype(np.int32),
        token_spans=encoded.spans,
        question_context=context_of.astype(np.int32),
    )


def long_questions(
    split: SquadSplit, encoded: EncodedSplit, bad_rows: BadRows, *, pair: PairTokenizer, settings: WindowSettings
) -> Array:
    """The rows of the questions that no window can hold, noted in `bad_rows`.

    A window must hold its question and all of the context, or else start after the window before it.
    """
    lengths = encoded.contexts.lengths[_contexts(split)]
    room = settings.max_length - pair.special_tokens - encoded.questions.lengths
    rows: Array = np.flatnonzero((lengths > room) & (room <= settings.overlap))
    for row in rows:
        bad_rows.add(
            f"{split.file}: question {split.questions[row].id!r} leaves room for {max(room[row], 0)} of its context's"
            f" {lengths[row]} tokens in a window of {settings.max_length}, of which the next window would repeat"
            f" {settings.overlap}; raise features.max_length or lower features.overlap"
        )
    return rows


def _contexts(split: SquadSplit) -> Array:
    """int64 [questions]: the context of each."""
    return np.array([question.context for question in split.questions], dtype=np.int64)


def _cover(context_of: Array, context_lengths: Array, room: Array, *, overlap: int) -> _Windows:
    """Cover each question's context with windows of `room` context tokens, up to its last token."""
    lengths = context_lengths[context_of]
    step = np.maximum(room - overlap, 1)
    counts = 1 - np.minimum(room - lengths, 0) // step
    question = np.repeat(np.arange(len(context_of)), counts)
    number = np.arange(len(question)) - np.repeat(offsets_of(counts)[:-1], counts)
    first = number * step[question]
    return _Windows(question, context_of[question], first, np.minimum(room[question], lengths[question] - first))


def _tokens(encoded: EncodedSplit, windows: _Windows, pair: PairTokenizer) -> Ragged:
    """Put each window together from five pieces: before, question, between, context, after."""
    kind = np.uint16 if pair.vocabulary_size <= 1 << 16 else np.int32
    special = np.array(pair.before + pair.between + pair.after)
    pieces = [special, encoded.questions.values, encoded.contexts.values]
    questions_at, contexts_at = len(special), len(special) + len(encoded.questions.values)
    starts, lengths = np.empty((2, len(windows.question), 5), dtype=np.int64)
    starts[:, [0, 2, 4]] = np.cumsum([0, len(pair.before), len(pair.between)])
    lengths[:, [0, 2, 4]] = len(pair.before), len(pair.between), len(pair.after)
    starts[:, 1] = questions_at + encoded.questions.offsets[windows.question]
    lengths[:, 1] = encoded.questions.lengths[windows.question]
    starts[:, 3] = contexts_at + encoded.contexts.offsets[windows.context] + windows.first
    lengths[:, 3] = windows.length
    gathered = gather(np.concatenate(pieces).astype(kind), starts.ravel(), lengths.ravel())
    return Ragged(gathered.values, offsets_of(lengths.sum(axis=1)))


def _answers(questions: List[Question], spans: Ragged, windows: _Windows) -> Tuple[Array, Array]:
    """First and last token of each window's first answer, counted in the window's context; -1 where part is outside.

    The first token is the last that starts at or before the answer; the last is the first that ends at or after it.
    """
    chars = np.array([_first_answer(question) for question in questions], dtype=np.int64)[windows.question]
    contexts = np.repeat(np.arange(len(spans)), spans.lengths)
    begins = np.maximum.accumulate(contexts * _CONTEXT + spans.values[:, 0])
    ends = np.minimum.accumulate((contexts * _CONTEXT + spans.values[:, 1])[::-1])[::-1]
    keys = windows.context * _CONTEXT
    start = np.searchsorted(begins, keys + chars[:, 0], side="right") - 1
    end = np.searchsorted(ends, keys + chars[:, 1], side="left")
    first = spans.offsets[windows.context] + windows.first
    last = first + windows.length - 1
    held = (chars[:, 0] >= 0) & (start >= first) & (end <= last)
    return np.where(held, np.minimum(start, last) - first, -1), np.where(held, np.maximum(end, first) - first, -1)


def _first_answer(question: Question) -> Tuple[int, int]:
    """First character of what training learns, and the one after its last; -1 where nothing answers."""
    if not question.answers:
        return -1, -1
    answer = question.answers[0]
    return answer.answer_start, answer.answer_start + len(answer.text)
