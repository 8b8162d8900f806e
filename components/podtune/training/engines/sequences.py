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
"""A group's shortest sequence has at least this share of its longest one's tokens, unless the group would be small."""

_GROUP_TOKENS = 2048
"""A group has at least so many tokens, where there are as many: a GPU pads faster than it starts another kernel."""


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


class Group(NamedTuple):
    """Some sequences of about equal length, each padded to the longest."""

    sequences: int
    longest: int
    mask: Optional[torch.Tensor]
    """bool [sequences, 1, 1, longest], on the device: where there is a token; None where there is one everywhere."""


@dataclass(frozen=True)
class Padding:
    """A stream's sequences padded, one group after the other; index tensors are int64, on the device."""

    gathered: torch.Tensor
    """[places]: the token at each place; a sequence's last one where it has no more."""

    kept: torch.Tensor
    """[tokens]: the place of each token of the stream."""

    groups: List[Group]

    @property
    def sizes(self) -> List[int]:
        """The places of each group."""
        return [group.sequences * group.longest for group in self.groups]


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
    def in_groups(self) -> Padding:
        """The sequences in groups of about equal length, so that little is padded, and few: each is a kernel's call."""
        lengths = np.array(self.lengths)
        order = np.argsort(-lengths, kind="stable")
        cuts, held = [0], 0
        for index, length in enumerate(lengths[order].tolist()):
            if held >= _GROUP_TOKENS and length < _ALIKE * lengths[order[cuts[-1]]]:
                cuts.append(index)
                held = 0
            held += length
        return _padding(offsets_of(lengths)[:-1], lengths, np.split(order, cuts[1:]), self.offsets.device)

    @cached_property
    def in_rows(self) -> Padding:
        """All rows in one group, in their order, each with the sequences it has."""
        lengths = np.array(self.row_lengths)
        return _padding(offsets_of(lengths)[:-1], lengths, [np.arange(len(lengths))], self.offsets.device)


def _spans(lengths: List[int]) -> List[slice]:
    ends = offsets_of(np.array(lengths)).tolist()
    return [slice(start, end) for start, end in zip(ends, ends[1:])]


def _padding(starts: np.ndarray, lengths: np.ndarray, groups: List[np.ndarray], device: torch.device) -> Padding:
    """Pad each group of sequences to its longest; what the device needs of all goes there in three copies."""
    gathered, masks = [], []
    for group in groups:
        positions, own = np.arange(lengths[group].max()), lengths[group, None]
        masks.append(positions < own)
        gathered.append(starts[group, None] + np.minimum(positions, own - 1))
    tokens, real = (np.concatenate([part.ravel() for part in parts]) for parts in (gathered, masks))
    kept = np.empty(int(lengths.sum()), dtype=np.int64)
    kept[tokens[real]] = np.flatnonzero(real)
    parts = torch.split(to_tensor(real, device), [mask.size for mask in masks])
    padded = [
        Group(len(mask), mask.shape[1], None if mask.all() else part.view(len(mask), 1, 1, -1))
        for mask, part in zip(masks, parts)
    ]
    return Padding(to_tensor(tokens, device), to_tensor(kept, device), padded)


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
    streams = {name: to_tensor(array, device) for name, array in batch.streams.items()}
    columns = {name: to_tensor(array, device) for name, array in batch.columns.items()}
    ends = batch.offsets if batch.sequences is None else batch.sequences
    on_device = to_tensor(ends, device)
    firsts = np.searchsorted(ends, batch.offsets).tolist()
    sequences = Sequences(on_device.int(), np.diff(ends).tolist(), noise, firsts)
    return MicroBatch(Batch(to_tensor(batch.offsets, device), streams, columns, on_device, longest), sequences)


def to_tensor(array: np.ndarray, device: torch.device) -> Any:
    """Bring an array to the device without waiting for it."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    # From memory that can be paged out, CUDA first waits for what the device has still to do. Torch keeps pinned memory
    # for the next copy, and gives it away only once the device has read it.
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


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
