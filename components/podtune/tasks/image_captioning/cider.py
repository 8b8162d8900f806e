"""CIDEr-D by the definition of the COCO caption evaluation."""

from typing import Sequence

import numpy as np

from podtune.tasks.image_captioning.ngrams import (
    ORDERS,
    Ngrams,
    Words,
    count_ngrams,
    flat,
    image_of_each,
    lengths_of,
    value_of_each,
)

_SIGMA = 6.0
_SCALE = 10.0


def cider(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """float64 [images], from 0 to 10: how alike a prediction is to its references in n-grams that few images have.

    An n-gram's weight comes from the references given: values of different sets of images cannot be compared.
    """
    predicted, true = count_ngrams(predictions, references)
    weight = _inverse_frequencies(predicted, true, len(predictions))
    given, wanted = predicted.count * weight[predicted.ngram], true.count * weight[true.ngram]
    image = image_of_each(references)
    also_given = value_of_each(true.image_and_ngram, predicted.image_and_ngram, given)
    likeness = _by_caption(true, np.minimum(also_given, wanted) * wanted, len(image))
    norms = _norms(predicted, given, len(predictions))[image] * _norms(true, wanted, len(image))
    np.divide(likeness, norms, out=likeness, where=norms > 0)
    penalty = _length_penalty(lengths_of(predictions)[image], lengths_of(flat(references)))
    return np.asarray(_SCALE * np.bincount(image, likeness.mean(axis=1) * penalty) / np.bincount(image))


def _inverse_frequencies(predicted: Ngrams, true: Ngrams, images: int) -> np.ndarray:
    """float64 by n-gram: the logarithm of images per image whose references have it; at least one counts as having."""
    ngrams = 1 + max(predicted.ngram.max(initial=0), true.ngram.max(initial=0))
    _, first = np.unique(true.image_and_ngram, return_index=True)
    having = np.bincount(true.ngram[first], minlength=ngrams)
    return np.asarray(np.log(float(images)) - np.log(np.maximum(having, 1)))


def _norms(ngrams: Ngrams, weights: np.ndarray, captions: int) -> np.ndarray:
    return np.asarray(np.sqrt(_by_caption(ngrams, weights**2, captions)))


def _by_caption(ngrams: Ngrams, values: np.ndarray, captions: int) -> np.ndarray:
    """float64 [captions, 4]: sums of entries."""
    sums = np.bincount(ngrams.caption * ORDERS + ngrams.order, values, captions * ORDERS)
    return np.asarray(sums, dtype=np.float64).reshape(captions, ORDERS)


def _length_penalty(lengths: np.ndarray, others: np.ndarray) -> np.ndarray:
    """As published the lengths are counted in pairs of words: a caption of one word is as long as an empty one."""
    difference = np.maximum(lengths - 1, 0) - np.maximum(others - 1, 0)
    return np.asarray(np.exp(-(difference**2) / (2 * _SIGMA**2)))
