"""The best spans of every window, without a Python loop over windows or spans.

Floats become integers of the same order with a tie-break in their low bits: so no two are equal, and the largest few
of a row are selected by partition.
"""

from typing import Iterable, NamedTuple, Tuple

import numpy as np

from podtune.formats.ragged import Array
from podtune.tasks.question_answering.windows import QuestionWindows

_NOTHING = np.iinfo(np.int64).min
_LEAST = _NOTHING + (1 << 32)  # no key of a finite float is below
_LOW_BITS = (1 << 32) - 1
_PAIRS_AT_ONCE = 100_000  # they stay in the processor's cache


class Logits(NamedTuple):
    """How well each token fits as an answer's first, and as its last; float32 [tokens] each."""

    start: Array
    end: Array


class Candidates(NamedTuple):
    """Spans that may answer questions; all arrays [candidates]."""

    question: Array
    """int64."""

    start: Array
    """int64: first character in the context."""

    end: Array
    """int64: the character after the last."""

    start_logit: Array
    """float32."""

    end_logit: Array
    """float32."""

    @property
    def score(self) -> Array:
        """float32, rounded as the published loops round it."""
        return self.start_logit + self.end_logit  # type: ignore[no-any-return]  # numpy's sum is Any

    def take(self, selected: Array) -> "Candidates":
        """Select by index or by mask."""
        return Candidates(*(array[selected] for array in self))


def joined(parts: Iterable[Candidates]) -> Candidates:
    """All parts, one after the other."""
    return Candidates(*(np.concatenate(arrays) for arrays in zip(*parts)))


def best_spans(windows: QuestionWindows, logits: Logits, n_best: int, max_answer_length: int) -> Candidates:
    """Find the `n_best` best spans of each window, best first, window after window.

    The `n_best` highest start and end positions of a window are paired; a pair counts if both lie in the
    context, in order, with at most `max_answer_length` tokens. Equal logits rank from the back of the window, and
    equal scores in the order of the pairs: as a stable sort leaves them in the published loops.
    """
    size = max(1, _PAIRS_AT_ONCE // min(n_best, windows.lengths.max()) ** 2)
    blocks = (slice(first, first + size) for first in range(0, len(windows), size))
    return joined(_best_in_block(windows, logits, block, n_best, max_answer_length) for block in blocks)


def no_answers(windows: QuestionWindows, logits: Logits) -> Candidates:
    """Say of each question that it has no answer, as the least sure of its windows does: one candidate each."""
    tokens = windows.tokens.offsets[:-1]
    order = np.lexsort((logits.start[tokens] + logits.end[tokens], windows.question))
    question, first = np.unique(windows.question[order], return_index=True)
    lowest = tokens[order[first]]
    nowhere = np.zeros(len(question), dtype=np.int64)
    return Candidates(question.astype(np.int64), nowhere, nowhere, logits.start[lowest], logits.end[lowest])


def _best_in_block(
    windows: QuestionWindows, logits: Logits, block: slice, n_best: int, max_answer_length: int
) -> Candidates:
    offsets = windows.tokens.offsets[block.start : block.stop + 1]
    starts, ends = (_highest_positions(values, offsets, n_best) for values in logits)
    scores = logits.start[offsets[:-1, None] + starts][:, :, None] + logits.end[offsets[:-1, None] + ends][:, None, :]
    length = ends[:, None, :] - starts[:, :, None] + 1
    fits = _in_context(windows, block, starts)[:, :, None] & _in_context(windows, block, ends)[:, None, :]
    fits &= (length >= 1) & (length <= max_answer_length)
    row, pair = _highest_pairs(scores, fits, n_best)
    start, end = starts[row, pair // ends.shape[1]], ends[row, pair % ends.shape[1]]
    return _spans(windows, logits, block.start + row, start, end)


def _highest_positions(values: Array, offsets: Array, n_best: int) -> Array:
    """int64 [rows, up to n_best]: where in each row its highest values are, highest first; then -1."""
    lengths = np.diff(offsets)[:, None]
    position = np.arange(lengths.max())
    keys = np.full((len(lengths), len(position)), _NOTHING)
    keys[position < lengths] = _sortable(values[offsets[0] : offsets[-1]])
    highest = _highest(keys | position, n_best)
    return np.where(highest < _LEAST, -1, highest & _LOW_BITS)


def _in_context(windows: QuestionWindows, block: slice, positions: Array) -> Array:
    first = windows.context_start[block, None]
    return (positions >= first) & (positions < first + windows.context_length[block, None])  # type: ignore[no-any-return]  # numpy's comparison is Any


def _highest_pairs(scores: Array, fits: Array, n_best: int) -> Tuple[Array, Array]:
    """Row and number of the fitting pairs with the highest scores, at most `n_best` a row, highest first."""
    last = scores[0].size - 1
    keys = np.where(fits, _sortable(scores), _NOTHING).reshape(len(scores), -1)
    highest = _highest(keys | np.arange(last, -1, -1), n_best)
    row, column = np.nonzero(highest >= _LEAST)
    return row, last - (highest[row, column] & _LOW_BITS)


def _sortable(values: Array) -> Array:
    """int64 in the order of finite float32 values, the low 32 bits free; -0 equals 0."""
    bits = (values + np.float32(0)).view(np.int32)
    return np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64) << 32


def _highest(keys: Array, count: int) -> Array:
    """The `count` highest keys of each row, descending."""
    if count < keys.shape[1]:
        keys = np.partition(keys, keys.shape[1] - count, axis=1)[:, -count:]
    return np.sort(keys, axis=1)[:, ::-1]


def _spans(windows: QuestionWindows, logits: Logits, window: Array, start: Array, end: Array) -> Candidates:
    """Candidates from token positions in windows; all int64 [candidates]."""
    question, token = windows.question[window].astype(np.int64), windows.tokens.offsets[window]
    context_token = windows.token_spans.offsets[windows.question_context[question]]
    context_token = context_token + windows.first_context_token[window] - windows.context_start[window]
    characters = windows.token_spans.values
    return Candidates(
        question=question,
        start=characters[context_token + start, 0].astype(np.int64),
        end=characters[context_token + end, 1].astype(np.int64),
        start_logit=logits.start[token + start],
        end_logit=logits.end[token + end],
    )
