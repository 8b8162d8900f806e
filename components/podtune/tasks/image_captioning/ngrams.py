"""Count the n-grams of many captions at once."""

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np

ORDERS = 4
"""Words of the longest n-gram."""

Words = Sequence[str]


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
    place = np.searchsorted(keys, wanted, sorter=order)
    found = np.append(keys[order], -1)[place] == wanted
    return np.where(found, np.append(values[order], 0)[place], 0)


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
