"""BLEU-1 to BLEU-4 over a whole split, by the definition of the COCO caption evaluation."""

import math
from typing import Sequence

import numpy as np

from podtune.tasks.image_captioning.ngrams import ORDERS, Words, count_ngrams, lengths_of, value_of_each

# As published: they keep a quotient of zeros from being an error.
_TINY, _SMALL = 1e-15, 1e-9


def bleu_statistics(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """int64 [images, 10]: n-grams of 1 to 4 words that a reference has too, all n-grams, words, the references' words.

    An n-gram counts as often as the reference that has it most often; of the references' lengths the closest to the
    prediction's counts, of two equally close ones the shorter.
    """
    lengths = lengths_of(predictions)
    possible = np.maximum(lengths[:, None] - np.arange(ORDERS), 0)
    closest = [_closest(len(words), of_image) for words, of_image in zip(predictions, references)]
    shared = _shared(predictions, references)
    return np.column_stack([shared, possible, lengths, np.array(closest, dtype=np.int64)])


def bleu(statistics: np.ndarray) -> np.ndarray:
    """float64 [4], in percent: BLEU-1 to BLEU-4 over the images whose statistics are given."""
    sums = statistics.sum(axis=0)
    precisions = (sums[:ORDERS] + _TINY) / (sums[ORDERS:-2] + _SMALL)
    means = np.cumprod(precisions) ** (1 / np.arange(1, ORDERS + 1))
    ratio = (sums[-2] + _TINY) / (sums[-1] + _SMALL)
    return np.asarray(100 * means * (math.exp(1 - 1 / ratio) if ratio < 1 else 1.0))


def _closest(length: int, references: Sequence[Words]) -> int:
    return min((abs(len(words) - length), len(words)) for words in references)[1]


def _shared(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """int64 [images, 4]."""
    predicted, true = count_ngrams(predictions, references)
    keys, which = np.unique(true.image_and_ngram, return_inverse=True)
    most = np.zeros(len(keys), dtype=np.int64)
    np.maximum.at(most, which, true.count)
    shared = np.zeros((len(predictions), ORDERS), dtype=np.int64)
    possible = np.minimum(predicted.count, value_of_each(predicted.image_and_ngram, keys, most))
    np.add.at(shared, (predicted.caption, predicted.order), possible)
    return shared
