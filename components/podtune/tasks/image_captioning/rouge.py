"""ROUGE-L by the definition of the COCO caption evaluation; other programs compute something else by this name."""

from typing import Sequence

import numpy as np

from podtune.tasks.image_captioning.ngrams import Words

_RECALL_WEIGHT = 1.2**2


def rouge_l(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """float64 [images], in percent: F-measure of the best precision and the best recall over an image's references."""
    return 100 * np.array([_score(words, of_image) for words, of_image in zip(predictions, references)], dtype=float)


def longest_common(words: Words, others: Words) -> int:
    """How many words, in the same order but not necessarily side by side, both have.

    A bit for every word of `words` is cleared where one more of `others` extends what is common: a whole row of the
    usual table in one addition.
    """
    places = dict.fromkeys(others, 0)
    for place, word in enumerate(words):
        if word in places:
            places[word] |= 1 << place
    row = all_set = (1 << len(words)) - 1
    for word in others:
        matching = row & places[word]
        row = ((row + matching) | (row - matching)) & all_set
    return len(words) - bin(row).count("1")


def _score(words: Words, references: Sequence[Words]) -> float:
    """Score one prediction; as published, a caption without words has one, the empty one."""
    predicted: Words = words or [""]
    true: Sequence[Words] = [reference or [""] for reference in references]
    common = [longest_common(predicted, reference) for reference in true]
    precision = max(common) / len(predicted)
    recall = max(count / len(reference) for count, reference in zip(common, true))
    if not precision:
        return 0.0
    return (1 + _RECALL_WEIGHT) * precision * recall / (recall + _RECALL_WEIGHT * precision)
