"""Texts to token ids and character spans: each question and each distinct context once."""

from dataclasses import dataclass
from itertools import chain
from typing import Any, Callable, Iterator, List, Sequence

import numpy as np
from tokenizers import Encoding, Tokenizer

from podtune.formats.ragged import Array, Ragged, offsets_of
from podtune.progress import progress_bar
from podtune.tasks.question_answering.squad import SquadSplit

_BATCH = 2048
"""Texts in one call: enough for all cores, few enough to show progress and to stay within 100 MB."""

_flat = chain.from_iterable


@dataclass(frozen=True)
class EncodedSplit:
    """A split's texts without special tokens."""

    questions: Ragged
    """int32: token ids of each question without the white space on its left."""

    contexts: Ragged
    """int32: token ids of each distinct context."""

    spans: Ragged
    """int32 [tokens, 2], offsets as in `contexts`: first character of each token, and the one after its last."""


def encode_split(tokenizer: Tokenizer, split: SquadSplit) -> EncodedSplit:
    """Encode a split with all cores; `tokenizer` neither truncates nor pads."""
    questions = [question.question.lstrip() for question in split.questions]
    ids, lengths = [], []
    for batch in _batches(tokenizer.encode_batch_fast, questions, "encoding questions"):
        ids.append(_int32(_flat(encoding.ids for encoding in batch)))
        lengths.append(_lengths(batch))
    encoded = Ragged(np.concatenate(ids), offsets_of(np.concatenate(lengths)))

    ids, spans, lengths = [], [], []
    for batch in _batches(tokenizer.encode_batch, split.contexts, "encoding contexts"):
        ids.append(_int32(_flat(encoding.ids for encoding in batch)))
        spans.append(_int32(_flat(_flat(encoding.offsets for encoding in batch))))
        lengths.append(_lengths(batch))
    offsets = offsets_of(np.concatenate(lengths))
    contexts = Ragged(np.concatenate(ids), offsets)
    return EncodedSplit(encoded, contexts, Ragged(np.concatenate(spans).reshape(-1, 2), offsets))


def _batches(encode: Callable[..., List[Encoding]], texts: Sequence[str], label: str) -> Iterator[List[Encoding]]:
    with progress_bar(len(texts), "text", label) as bar:
        for start in range(0, len(texts), _BATCH):
            batch = encode(texts[start : start + _BATCH], add_special_tokens=False)
            yield batch
            bar.update(len(batch))


def _int32(values: Iterator[Any]) -> Array:
    return np.fromiter(values, dtype=np.int32)


def _lengths(batch: List[Encoding]) -> Array:
    return np.fromiter(map(len, batch), dtype=np.int64, count=len(batch))
