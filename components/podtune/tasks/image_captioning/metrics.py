"""BLEU, CIDEr-D and ROUGE-L by the definitions of the COCO caption evaluation; other programs compute other things."""

import math
from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np

ORDERS = 4
"""Words of the longest n-gram."""

Words = Sequence[str]

# As published: they keep a quotient of zeros from being an error.
_TINY, _SMALL = 1e-15, 1e-9
_LENGTH_DEVIATION = 6.0
_CIDER_SCALE = 10.0
_RECALL_WEIGHT = 1.2**2


@dataclass(frozen=True)
class Ngrams:
    """Which n-grams captions have: one entry, int64, for each that a caption has."""

    caption: np.ndarray
    ngram: np.ndarray
    """A number that equal n-grams share, from 0 without gaps."""

    image_and_ngram: np.ndarray
    """A number that equal n-grams of captions of the same image share."""

    order: np.ndarray
    """Words of the n-gram less one."""

    count: np.ndarray
    """How often the caption has it."""


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
    """float64 [4], in percent: BLEU-1 to BLEU-4 over the images with these statistics."""
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


def cider(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """float64 [images], from 0 to 10: how alike a prediction is to its references in n-grams that few images have.

    An n-gram's weight comes from these references: values of different sets of images cannot be compared.
    """
    predicted, true = count_ngrams(predictions, references)
    weight = _inverse_frequencies(predicted, true, len(predictions))
    predicted_weights, true_weights = predicted.count * weight[predicted.ngram], true.count * weight[true.ngram]
    image = image_of_each(references)
    shared_weights = value_of_each(true.image_and_ngram, predicted.image_and_ngram, predicted_weights)
    likeness = _by_caption(true, np.minimum(shared_weights, true_weights) * true_weights, len(image))
    norms = _norms(predicted, predicted_weights, len(predictions))[image] * _norms(true, true_weights, len(image))
    np.divide(likeness, norms, out=likeness, where=norms > 0)
    penalty = _length_penalty(lengths_of(predictions)[image], lengths_of(flat(references)))
    return np.asarray(_CIDER_SCALE * np.bincount(image, likeness.mean(axis=1) * penalty) / np.bincount(image))


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
    return np.asarray(np.exp(-(difference**2) / (2 * _LENGTH_DEVIATION**2)))


def rouge_l(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """float64 [images], in percent: F-measure of the best precision and the best recall over an image's references."""
    return 100 * np.array([_rouge_of(words, of_image) for words, of_image in zip(predictions, references)], dtype=float)


def longest_common(words: Words, others: Words) -> int:
    """How many words, in the same order but not necessarily side by side, both have.

    A bit for every word of `words` is cleared where one more of `others` extends what is common: a row of the usual
    table in one addition.
    """
    positions = dict.fromkeys(others, 0)
    for position, word in enumerate(words):
        if word in positions:
            positions[word] |= 1 << position
    row = all_set = (1 << len(words)) - 1
    for word in others:
        matching = row & positions[word]
        row = ((row + matching) | (row - matching)) & all_set
    return len(words) - bin(row).count("1")


def _rouge_of(words: Words, references: Sequence[Words]) -> float:
    """Score one prediction; as published, a caption without words has one, the empty one."""
    predicted: Words = words or [""]
    true: Sequence[Words] = [reference or [""] for reference in references]
    common = [longest_common(predicted, reference) for reference in true]
    precision = max(common) / len(predicted)
    recall = max(count / len(reference) for count, reference in zip(common, true))
    if not precision:
        return 0.0
    return (1 + _RECALL_WEIGHT) * precision * recall / (recall + _RECALL_WEIGHT * precision)


def count_ngrams(predictions: Sequence[Words], references: Sequence[Sequence[Words]]) -> Tuple[Ngrams, Ngrams]:
    """Count those of each image's prediction and those of its references; captions are numbered from 0 in either."""
    images = np.arange(len(predictions))
    owners = np.concatenate([images, image_of_each(references)])
    caption, ngram, order, count = _count([*predictions, *flat(references)])
    image_and_ngram = owners[caption] * (1 + ngram.max(initial=0)) + ngram
    predicted = caption < len(predictions)
    parts = ((predicted, caption), (~predicted, caption - len(predictions)))
    first, second = (
        Ngrams(numbers[part], ngram[part], image_and_ngram[part], order[part], count[part]) for part, numbers in parts
    )
    return first, second


def flat(references: Sequence[Sequence[Words]]) -> List[Words]:
    """All references, image by image."""
    return [words for of_image in references for words in of_image]


def image_of_each(references: Sequence[Sequence[Words]]) -> np.ndarray:
    """int64 [references]: the row of its image."""
    return np.repeat(np.arange(len(references)), [len(of_image) for of_image in references])


def lengths_of(captions: Sequence[Words]) -> np.ndarray:
    """int64 [captions]: the words of each."""
    return np.array([len(words) for words in captions], dtype=np.int64)


def value_of_each(wanted: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Look up many keys at once, all int64; `keys` are distinct, and the value of one that is not there is 0."""
    order = np.argsort(keys)
    index = np.searchsorted(keys, wanted, sorter=order)
    exists = np.append(keys[order], -1)[index] == wanted
    return np.where(exists, np.append(values[order], 0)[index], 0)


def _count(captions: List[Words]) -> np.ndarray:
    """int64 [4, entries]: caption, n-gram, order and count."""
    every_word = [word for words in captions for word in words]
    numbers = {word: number for number, word in enumerate(dict.fromkeys(every_word))}
    words = np.array([numbers[word] for word in every_word], dtype=np.int64)
    lengths = lengths_of(captions)
    caption = np.repeat(np.arange(len(captions)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(words))
    parts, first, shorter = [], 0, np.zeros_like(words)
    for order in range(ORDERS):
        starts = np.flatnonzero(left > order)
        longer = shorter[starts] * len(numbers) + words[starts + order]
        distinct, shorter[starts] = np.unique(longer, return_inverse=True)
        pairs = caption[starts] * (1 + len(distinct)) + shorter[starts]
        pairs, count = np.unique(pairs, return_counts=True)
        of_caption, ngram = np.divmod(pairs, 1 + len(distinct))
        parts.append(np.stack([of_caption, first + ngram, np.full_like(count, order), count]))
        first += len(distinct)
    return np.concatenate(parts, axis=1)
