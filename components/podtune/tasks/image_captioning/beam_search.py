"""Captions from the likeliest next tokens of what is written so far: transformers' beam search, without its model."""

from typing import Callable, NamedTuple, Tuple

import numpy as np

from podtune.tasks.image_captioning.settings import EvaluationSettings

NextTokens = Callable[[np.ndarray, int], Tuple[np.ndarray, np.ndarray]]
"""For beginnings, int64 [images, beams, longest], and how many of their tokens are written: `next_tokens` next ones of
each, best first, as log-probabilities, float32, and ids, both [images, beams, next_tokens]."""

_NONE = -np.inf
"""The score of what does not exist."""


class _Beams(NamedTuple):
    """Captions of each image, best first."""

    tokens: np.ndarray
    """int64 [images, beams, longest], filled up with the end of the text."""

    scores: np.ndarray
    """float32 [images, beams]."""


def next_tokens(search: EvaluationSettings) -> int:
    """Count the next tokens of each beginning that may be needed: where all beams end, as many others go on."""
    return 2 * search.beams


def write(look_up: NextTokens, wanted: np.ndarray, search: EvaluationSettings, *, longest: int, end: int) -> np.ndarray:
    """Write a caption for each image that is wanted, bool [images]: token ids, int64 [images, longest].

    Ids after the end of a caption are `end` again. A search stops where no beginning, were it to end now, would be
    better than all `beams` captions that have ended.
    """
    running, finished = _first(len(wanted), search, longest, end)
    is_open = wanted
    for length in range(1, longest + 1):
        if not is_open.any():
            break
        continued = _continued(running, length, *look_up(running.tokens, length - 1))
        candidates = _best(continued, next_tokens(search))
        ends = (candidates.tokens[:, :, length - 1] == end) | (length == longest)
        ended = _ended(candidates, ends & is_open[:, None], length, search)
        finished = _best(_Beams(*(np.concatenate(both, axis=1) for both in zip(finished, ended))), search.beams)
        running = _best(candidates._replace(scores=np.where(ends, _NONE, candidates.scores)), search.beams)
        is_open = is_open & (_penalised(running.scores[:, 0], length, search) > finished.scores[:, -1])
    return finished.tokens[:, 0]


def _first(images: int, search: EvaluationSettings, longest: int, end: int) -> Tuple[_Beams, _Beams]:
    """Beginnings without a token, all but one of them empty; and no captions."""
    tokens = np.full((images, search.beams, longest), end, dtype=np.int64)
    none = np.full((images, search.beams), _NONE, dtype=np.float32)
    scores = none.copy()
    scores[:, 0] = 0.0
    return _Beams(tokens, scores), _Beams(tokens, none)


def _continued(running: _Beams, length: int, log_probabilities: np.ndarray, ids: np.ndarray) -> _Beams:
    """Every beginning with each of its next tokens."""
    images = len(running.tokens)
    tokens = np.repeat(running.tokens, ids.shape[2], axis=1)
    tokens[:, :, length - 1] = ids.reshape(images, -1)
    scores = running.scores[:, :, None] + log_probabilities
    return _Beams(tokens, scores.reshape(images, -1))


def _ended(candidates: _Beams, ends: np.ndarray, length: int, search: EvaluationSettings) -> _Beams:
    """The captions that end here, among the best `beams` of all."""
    among_best = np.arange(candidates.scores.shape[1]) < search.beams
    return candidates._replace(scores=np.where(ends & among_best, _penalised(candidates.scores, length, search), _NONE))


def _penalised(scores: np.ndarray, length: int, search: EvaluationSettings) -> np.ndarray:
    return scores / np.float32(length**search.length_penalty)


def _best(beams: _Beams, count: int) -> _Beams:
    order = np.argsort(-beams.scores, axis=1, kind="stable")[:, :count]
    return _Beams(
        np.take_along_axis(beams.tokens, order[:, :, None], axis=1), np.take_along_axis(beams.scores, order, axis=1)
    )
