"""The profile of a data set: figures on each split by which two data sets can be compared, and what the splits share.

An example is a text with its source: a question with its context or its image, or a caption with its picture. While a
data set is prepared each is kept as a few hashes of eight bytes, which mean something in this process alone; the
profile, without any text, is what is recorded.
"""

import unicodedata
from dataclasses import dataclass, field
from typing import Dict, Hashable, Iterable, List, Mapping, Optional, Sequence

import numpy as np

from podtune.errors import BadInput
from podtune.formats.ragged import Array
from podtune.sections import shown

TRAIN = "train"
"""The split that no other may share examples with."""

MOST_CHANGE = 0.3
"""How far the figures of new data may be from those of the live release's, where a recipe does not say."""

_NAMED = 3
"""Examples that a message names."""

_POINTS = (0, 5, 50, 95, 100)


@dataclass(frozen=True)
class Overlap:
    """How many examples of a split stand in the training split too."""

    exact: int
    """Character by character, and byte by byte."""

    normalised: int
    """By `normalised` of all their texts, or of a picture by its pixels; the exact ones are among them."""

    sources: int
    """Whose source does, whatever the text."""

    texts: int
    """Whose text does, normalised, whatever the source."""

    named: List[str] = field(default_factory=list)
    """Ids of the first few of the normalised ones."""


@dataclass(frozen=True)
class SplitProfile:
    """Figures on one split."""

    examples: int
    sources: int
    """Different ones, normalised."""

    text_lengths: List[int]
    """Characters of a text: the fewest, the 5th, 50th and 95th percentile, and the most."""

    source_lengths: List[int]
    """The same of the contexts; empty where sources are images."""

    without_answer: int
    answers: int
    """Different ones; the first of each example counts."""

    most_frequent: int
    """Examples that have the most frequent answer."""

    overlap: Optional[Overlap] = None
    """With the training split, of every other one."""


@dataclass(frozen=True)
class Change:
    """A figure of a split in two data sets."""

    split: str
    figure: str
    """One of FIGURES."""

    before: float
    now: float

    @property
    def size(self) -> float:
        """From 0 to 1: by how much of the larger number the smaller one is less; of shares, their difference."""
        if self.figure in SHARES:
            return abs(self.now - self.before)
        return 1 - _share(min(self.before, self.now), max(self.before, self.now)) if self.before != self.now else 0.0


SHARES = ("without_answer", "most_frequent")
"""Figures that are shares of the examples."""

FIGURES = ("examples", "sources", "text_length", "source_length", *SHARES)
"""What two data sets are compared by; lengths are medians, in characters."""


@dataclass(frozen=True)
class Traces:
    """One split's examples as hashes; int64, one for each example where it does not say otherwise."""

    ids: Sequence[str]
    exact: Array
    normalised: Array
    sources: Array
    texts: Array
    answers: Array
    """Of the examples that have one."""

    text_lengths: Array
    """Characters."""

    source_lengths: Array
    """Of each different source, in characters; empty where sources are images."""


class _Letters(Dict[int, Optional[int]]):
    """What str.translate takes to leave out punctuation, white space, and what cannot be seen."""

    def __missing__(self, code: int) -> Optional[int]:
        self[code] = None if unicodedata.category(chr(code))[0] in "PZC" else code
        return self[code]


_LETTERS = _Letters()


def normalised(text: str) -> str:
    """A text in NFKC and folded case, without white space, punctuation and invisible characters.

    A text of nothing else keeps them.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", folded.translate(_LETTERS)) or folded


def hashes(values: Iterable[Hashable]) -> Array:
    """Hash each value to eight bytes; other processes hash the same values to others."""
    return np.fromiter(map(hash, values), dtype=np.int64)


def lengths(texts: Iterable[str]) -> Array:
    """Count the characters of each text."""
    return np.fromiter(map(len, texts), dtype=np.int64)


def profiles_of(splits: Mapping[str, Traces]) -> Dict[str, SplitProfile]:
    """Summarise each split, and hold it against the training split."""
    return {name: _profile(split, None if name == TRAIN else splits.get(TRAIN)) for name, split in splits.items()}


def changes_between(before: Mapping[str, SplitProfile], now: Mapping[str, SplitProfile]) -> List[Change]:
    """The figures that differ, of the splits that both have."""
    compared = [
        Change(split, figure, _figures(before[split])[figure], _figures(now[split])[figure])
        for split in now
        if split in before
        for figure in FIGURES
    ]
    return [change for change in compared if change.before != change.now]


def require_few_duplicates(profiles: Mapping[str, SplitProfile], most: float, data: str, examples: str) -> None:
    """BadInput where more than a share of a split's examples stand in the training split too.

    `examples` is what they are called, such as questions.
    """
    for name, split in profiles.items():
        overlap, share = split.overlap, _share(split.overlap.normalised if split.overlap else 0, split.examples)
        if overlap and share > most:
            counted = f"{overlap.normalised:,} of {split.examples:,} {examples} of {name} stand in {TRAIN} too"
            such = f"{share:.2%}, such as {', '.join(map(shown, overlap.named))}"
            cure = f"take them out of one of the two, or allow them: --set features.most_duplicates={enough(share)}"
            raise BadInput(f"{data}: {counted} ({such}); features.most_duplicates allows {most:.2%}; {cure}")


def enough(share: float) -> str:
    """A setting of whole percents that allows this share."""
    return f"{min(1.0, np.ceil(share * 100) / 100):g}"


def _profile(split: Traces, train: Optional[Traces]) -> SplitProfile:
    _, counts = np.unique(split.answers, return_counts=True)
    return SplitProfile(
        examples=len(split.ids),
        sources=len(np.unique(split.sources)),
        text_lengths=_quantiles(split.text_lengths),
        source_lengths=_quantiles(split.source_lengths),
        without_answer=len(split.ids) - len(split.answers),
        answers=len(counts),
        most_frequent=int(counts.max()) if len(counts) else 0,
        overlap=None if train is None else _overlap(split, train),
    )


def _overlap(split: Traces, train: Traces) -> Overlap:
    exact, same = _are_in(split.exact, train.exact), _are_in(split.normalised, train.normalised)
    return Overlap(
        exact=int(exact.sum()),
        normalised=int((exact | same).sum()),
        sources=int(_are_in(split.sources, train.sources).sum()),
        texts=int(_are_in(split.texts, train.texts).sum()),
        named=[split.ids[row] for row in np.flatnonzero(exact | same)[:_NAMED]],
    )


def _are_in(values: Array, others: Array) -> Array:
    """Which of the values are among the others; faster than np.isin where few are looked for among many."""
    ordered = np.append(np.sort(others), np.iinfo(np.int64).max)
    found: Array = ordered[np.searchsorted(ordered[:-1], values)] == values
    return found


def _figures(split: SplitProfile) -> Dict[str, float]:
    lengths = split.text_lengths, split.source_lengths
    medians = [float(of_one[len(_POINTS) // 2]) if of_one else 0.0 for of_one in lengths]
    shares = [_share(count, split.examples) for count in (split.without_answer, split.most_frequent)]
    return dict(zip(FIGURES, [float(split.examples), float(split.sources), *medians, *shares]))


def _quantiles(values: Array) -> List[int]:
    return [round(float(value)) for value in np.percentile(values, _POINTS)] if len(values) else []


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
