"""Which tokens of a stream belong together: the modules inside a model read it here while it runs."""

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator, List, Optional

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


@dataclass(frozen=True)
class Sequences:
    """Sequences one after the other in one stream of tokens."""

    offsets: torch.Tensor
    """int32 [sequences + 1], on the device: sequence i is offsets[i] to offsets[i + 1]."""

    lengths: List[int]
    """The same as lengths on the host, so that nothing waits for the device."""

    noise: Optional[RowNoise]
    """What dropout draws from; None outside training, and on devices whose own generator draws."""

    @cached_property
    def parts(self) -> List[slice]:
        """Where each sequence lies in the stream."""
        ends = offsets_of(np.array(self.lengths)).tolist()
        return [slice(start, end) for start, end in zip(ends, ends[1:])]

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
