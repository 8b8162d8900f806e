"""Of boxes that overlap, the best ones."""

from typing import List, Sequence

import numpy as np

from podtune.formats.ragged import Array


def survivors(boxes: Array, scores: Array, overlap: float, most: int) -> Array:
    """The rows that no better row overlaps by more than `overlap`, the best first, `most` at most; int64.

    Boxes are float32 [rows, 4]: left, top, right, bottom. Of equal scores the earlier row is the better.
    """
    remaining = np.argsort(-scores, kind="stable")
    kept: List[int] = []
    while remaining.size and len(kept) < most:
        best, remaining = remaining[0], remaining[1:]
        kept.append(best)
        remaining = remaining[_overlaps(boxes[best], boxes[remaining]) <= overlap]
    return np.array(kept, dtype=np.int64)


def enough_survivors(boxes: Array, scores: Array, overlaps: Sequence[float], count: int) -> Array:
    """Exactly `count` rows: those that survive the first of `overlaps` which leaves so many; int64.

    Where none does, the last one's survivors come first, then the best of the others. Where there are fewer rows than
    `count`, all are repeated in that order.
    """
    kept = np.zeros(0, dtype=np.int64)
    for overlap in overlaps:
        kept = survivors(boxes, scores, overlap, count)
        if len(kept) == count:
            break
    return np.resize(filled(kept, scores, count), count)


def filled(kept: Array, scores: Array, count: int) -> Array:
    """The kept rows; where they are fewer than `count`, the best of the others after them, as far as there are any."""
    others = np.setdiff1d(np.arange(len(scores)), kept)
    missing = max(0, count - len(kept))
    return np.concatenate([kept, others[np.argsort(-scores[others], kind="stable")][:missing]])


def _overlaps(box: Array, others: Array) -> Array:
    """Intersection over union in float32; 0 for boxes without an area."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, np.float32(0)), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    shares: Array = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return shares
