"""How the rows of a global batch are cut into pieces that go through the model at once."""

from dataclasses import dataclass
from typing import Any, Iterator, Optional

import numpy as np
import torch

from podtune.formats.ragged import Batch
from podtune.training.engines.noise import RowNoise
from podtune.training.engines.sequences import Sequences


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


@dataclass(frozen=True)
class MicroBatch:
    """Rows on their way through a model."""

    tensors: Batch
    """On the device, its arrays torch tensors."""

    sequences: Sequences


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
