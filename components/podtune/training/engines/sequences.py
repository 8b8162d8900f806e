"""Which tokens of a stream belong together: the modules inside a model read it here while it runs."""

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import accumulate
from typing import Iterator, List, Optional

import torch

from podtune.training.engines.noise import RowNoise


@dataclass(frozen=True)
class Sequences:
    """Sequences one after the other in one stream of tokens."""

    offsets: torch.Tensor
    """int32 [sequences + 1], on the device: sequence i is offsets[i] to offsets[i + 1]."""

    lengths: List[int]
    """The same as lengths on the host, so that nothing waits for the device."""

    noise: Optional[RowNoise]
    """What dropout draws from; None outside training, and on devices whose own generator draws."""

    def parts(self) -> List[slice]:
        """Where each sequence lies in the stream."""
        ends = list(accumulate(self.lengths))
        return [slice(end - length, end) for end, length in zip(ends, self.lengths)]


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
