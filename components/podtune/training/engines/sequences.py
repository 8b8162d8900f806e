"""Which tokens of a stream belong together: the modules inside a model read it here while it runs."""

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator, List, NamedTuple, Optional

import numpy as np
import torch

from podtune.formats.ragged import offsets_of
from podtune.training.engines.noise import RowNoise

_ALIKE = 0.8
"""A group's shortest sequence has at least this share of its longest one's tokens."""


@dataclass(frozen=True)
class Group:
    """Some sequences of a stream, of about equal length; index tensors are int64, on the device."""

    gathered: torch.Tensor
    """[sequences, longest]: the token at each place; a sequence's last one where it has no more."""

    mask: Optional[torch.Tensor]
    """bool [sequences, 1, 1, longest]: where there is a token; None where there is one everywhere."""

    tokens: torch.Tensor
    """[tokens]: all tokens of the group."""

    kept: torch.Tensor
    """[tokens]: their places, counted through the flattened [sequences, longest]."""


class Reach(NamedTuple):
    """Which queries attend to which keys: some of the queries' stream to some of the keys', pair by pair."""

    queries: List[slice]
    keys: List[slice]
    firsts: List[int]
    """[rows + 1]: the first pair of each row, and the end."""

    causal: bool
    """Whether a query attends to no key after its own place."""

    noise: Optional[RowNoise]
    """What dropout draws from."""


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
        """The tokens of each row."""
        ends = offsets_of(np.array(self.lengths))[self.firsts or slice(None)]
        return np.diff(ends).tolist()  # type: ignore[no-any-return]  # integers

    def counts(self, tensor: torch.Tensor) -> List[int]:
        """How many elements of a tensor, [rows, …] or [1, tokens, …], belong to each row."""
        if len(tensor) == len(self.row_lengths):
            return [tensor[0].numel()] * len(tensor)
        return [length * tensor[0, 0].numel() for length in self.row_lengths]

    def within(self, causal: bool) -> Reach:
        """Every sequence attends to itself."""
        parts = _parts(self.lengths)
        return Reach(parts, parts, self.firsts or list(range(len(parts) + 1)), causal, self.noise)

    def towards(self, context: int) -> Reach:
        """Every row attends to its own part of a stream in which so many tokens are shared out evenly."""
        rows = len(self.row_lengths)
        own = _parts([context // rows] * rows)
        return Reach(_parts(self.row_lengths), own, list(range(rows + 1)), causal=False, noise=self.noise)

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
        rows = np.split(order, cuts[1:])
        return [_group(starts[some], lengths[some], self.offsets.device) for some in rows]

    @cached_property
    def rows(self) -> Group:
        """All rows in one group, in their order, each with the sequences it has."""
        lengths = np.array(self.row_lengths)
        return _group(offsets_of(lengths)[:-1], lengths, self.offsets.device)


def _parts(lengths: List[int]) -> List[slice]:
    ends = offsets_of(np.array(lengths)).tolist()
    return [slice(start, end) for start, end in zip(ends, ends[1:])]


def _group(starts: np.ndarray, lengths: np.ndarray, device: torch.device) -> Group:
    places = np.arange(lengths.max())
    real = places < lengths[:, None]
    gathered = starts[:, None] + np.minimum(places, lengths[:, None] - 1)
    mask = None if real.all() else _tensor(real[:, None, None], device)
    kept = np.flatnonzero(real)
    return Group(_tensor(gathered, device), mask, _tensor(gathered[real], device), _tensor(kept, device))


def _tensor(array: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(array).to(device, non_blocking=True)


_running: ContextVar[Sequences] = ContextVar("running")


@contextlib.contextmanager
def running(sequences: Sequences) -> Iterator[None]:
    """Let the modules of a model know what the stream holds that passes through them in this block."""
    token = _running.set(sequences)
    try:
        yield
    finally:
        _running.reset(token)


def running_sequences() -> Sequences:
    """Tell what the stream holds that is passing through the model."""
    return _running.get()
