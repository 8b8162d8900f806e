"""What goes through a model at once: rows as one stream of tokens, and which of its tokens belong together."""

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional

import numpy as np
import torch

from podtune.formats.ragged import Batch, offsets_of

RANDOM_BITS = 16
"""Of one draw: probabilities are kept to 1 / 65,536."""

_ALIKE = 0.8
"""A group's shortest sequence has at least this share of its longest one's tokens."""


class RowNoise:
    """Random bits for the rows of a micro-batch: one stream a row, keyed by (seed, step, position in the global batch).

    Dropout sites draw from the streams in the order in which the model runs through them. So a row's bits do not
    depend on the rows beside it, however the batch is cut and shared out.
    """

    def __init__(self, seed: int, step: int, positions: Iterable[int]) -> None:
        keys = (np.random.SeedSequence((seed, step, int(position))) for position in positions)
        self._streams = [np.random.SFC64(key) for key in keys]

    def bits(self, row: int, count: int) -> np.ndarray:
        """Draw uint16 [count] for a row."""
        words: np.ndarray = self._streams[row].random_raw(-(-count // 4))
        return words.view(np.uint16)[:count]


def owners(offsets: torch.Tensor, tokens: int) -> torch.Tensor:
    """int64 [tokens]: the part of a stream that each token belongs to; part i starts at offsets[i]."""
    parts = torch.arange(len(offsets) - 1, device=offsets.device)
    return torch.repeat_interleave(parts, offsets.diff(), output_size=tokens)


@dataclass(frozen=True)
class Group:
    """Some sequences of a stream, of about equal length; index tensors are int64, on the device."""

    gathered: torch.Tensor
    """[sequences, longest]: the token at each position; a sequence's last one where it has no more."""

    mask: Optional[torch.Tensor]
    """bool [sequences, 1, 1, longest]: where there is a token; None where there is one everywhere."""

    tokens: torch.Tensor
    """[tokens]: all tokens of the group."""

    kept: torch.Tensor
    """[tokens]: their positions in the flattened [sequences, longest]."""


class AttentionSpans(NamedTuple):
    """Which spans of the queries' stream attend to which spans of the keys', pair by pair."""

    queries: List[slice]
    keys: List[slice]
    firsts: List[int]
    """[rows + 1]: the first pair of each row, and the end."""

    causal: bool
    """Whether a query attends to no key after its own position."""

    noise: Optional[RowNoise]
    """What dropout draws from."""

    window: Optional[int] = None
    """A query attends to no key so many positions or more away from its own."""


@dataclass(frozen=True)
class Sequences:
    """Sequences one after the other in one stream of tokens, and the rows of the batch that they belong to."""

    offsets: torch.Tensor
    """int32 [sequences + 1], on the device: sequence i is offsets[i] to offsets[i + 1]."""

    lengths: List[int]
    """The same as lengths on the host, so that nothing waits for the device."""

    noise: Optional[RowNoise]
    """What dropout draws from; None outside training, and on devices whose own generator draws."""

    firsts: Optional[List[int]] = None
    """[rows + 1]: the first sequence of each row, and the end; None where every row is one sequence."""

    @cached_property
    def row_lengths(self) -> List[int]:
        ends = offsets_of(np.array(self.lengths))[self.firsts or slice(None)]
        return np.diff(ends).tolist()  # type: ignore[no-any-return]  # integers

    def counts(self, tensor: torch.Tensor) -> List[int]:
        """How many elements of a tensor, [rows, …] or [1, tokens, …], belong to each row."""
        if len(tensor) == len(self.row_lengths):
            return [tensor[0].numel()] * len(tensor)
        return [length * tensor[0, 0].numel() for length in self.row_lengths]

    def self_attention(self, *, causal: bool, window: Optional[int] = None) -> AttentionSpans:
        spans = _spans(self.lengths)
        return AttentionSpans(spans, spans, self.firsts or list(range(len(spans) + 1)), causal, self.noise, window)

    def cross_attention(self, context: int) -> AttentionSpans:
        """Every row attends to its own part of a context whose tokens are shared out evenly."""
        rows = len(self.row_lengths)
        own = _spans([context // rows] * rows)
        return AttentionSpans(_spans(self.row_lengths), own, list(range(rows + 1)), causal=False, noise=self.noise)

    @cached_property
    def groups(self) -> List[Group]:
        """The sequences in groups of about equal length."""
        lengths = np.array(self.lengths)
        order = np.argsort(-lengths, kind="stable")
        cuts = [0]
        for index, length in enumerate(lengths[order]):
            if length < _ALIKE * lengths[order[cuts[-1]]]:
                cuts.append(index)
        starts = offsets_of(lengths)[:-1]
        return [_group(starts[some], lengths[some], self.offsets.device) for some in np.split(order, cuts[1:])]

    @cached_property
    def rows(self) -> Group:
        """All rows in one group, in their order, each with the sequences it has."""
        lengths = np.array(self.row_lengths)
        return _group(offsets_of(lengths)[:-1], lengths, self.offsets.device)


def _spans(lengths: List[int]) -> List[slice]:
    ends = offsets_of(np.array(lengths)).tolist()
    return [slice(start, end) for start, end in zip(ends, ends[1:])]


def _group(starts: np.ndarray, lengths: np.ndarray, device: torch.device) -> Group:
    positions = np.arange(lengths.max())
    real = positions < lengths[:, None]
    gathered = starts[:, None] + np.minimum(positions, lengths[:, None] - 1)
    mask = None if real.all() else _tensor(real[:, None, None], device)
    tokens, kept = _tensor(gathered[real], device), _tensor(np.flatnonzero(real), device)
    return Group(_tensor(gathered, device), mask, tokens, kept)


@dataclass(frozen=True)
class MicroBatch:
    """Rows on their way through a model."""

    tensors: Batch
    """On the device, its arrays torch tensors."""

    sequences: Sequences


def cut(order: np.ndarray, lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Cut `order`, indices into `lengths`, into pieces of at most so many tokens; a longer row stands alone."""
    start, held = 0, 0
    for index, length in enumerate(lengths[order]):
        if held and held + length > tokens:
            yield order[start:index]
            start, held = index, 0
        held += int(length)
    if held:
        yield order[start:]


def to_device(batch: Batch, longest: int, device: torch.device, noise: Optional[RowNoise]) -> MicroBatch:
    """Bring rows to the device; `longest` is the Batch's."""
    streams = {name: _tensor(array, device) for name, array in batch.streams.items()}
    columns = {name: _tensor(array, device) for name, array in batch.columns.items()}
    ends = batch.offsets if batch.sequences is None else batch.sequences
    on_device = _tensor(ends, device)
    firsts = np.searchsorted(ends, batch.offsets).tolist()
    sequences = Sequences(on_device.int(), np.diff(ends).tolist(), noise, firsts)
    return MicroBatch(Batch(_tensor(batch.offsets, device), streams, columns, on_device, longest), sequences)


def _tensor(array: np.ndarray, device: torch.device) -> Any:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


# A hidden global: transformers calls attention and dropout deep inside a model and passes them neither offsets nor
# noise. Without it every model's forward would have to carry them, which means our own copies of transformers' models.
_running: ContextVar[Sequences] = ContextVar("running")


@contextlib.contextmanager
def running(sequences: Sequences) -> Iterator[None]:
    """Let attention and dropout in a model read these sequences while the block runs."""
    token = _running.set(sequences)
    try:
        yield
    finally:
        _running.reset(token)


def running_sequences() -> Sequences:
    """Read the sequences of the stream that is passing through the model."""
    return _running.get()
