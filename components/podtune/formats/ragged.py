"""Rows of unequal length without padding, in memory or memory-mapped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length, one after the other."""

    values: Array
    """[total, …]: all rows concatenated."""

    offsets: Array
    """int64 [rows + 1]: row i is values[offsets[i] : offsets[i + 1]]."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Array:
        """int64 [rows]."""
        return np.diff(self.offsets)

    def row(self, index: int) -> Array:
        """One row, as a view."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def take(self, rows: Array) -> "Ragged":
        """Rows by number, in that order, gathered without a Python loop."""
        starts = self.offsets[rows]
        return gather(self.values, starts, self.offsets[rows + 1] - starts)


def gather(values: Array, starts: Array, lengths: Array) -> Ragged:
    """Gather rows of `values` by start and length; they may overlap."""
    return Ragged(np.take(values, positions_of(starts, lengths), axis=0), offsets_of(lengths))


def positions_of(starts: Array, lengths: Array) -> Array:
    """int64 [total]: for each row its start, the position after it and so on, as many as it is long."""
    offsets = offsets_of(lengths)
    positions = np.arange(offsets[-1])
    positions += np.repeat(starts - offsets[:-1], lengths)
    return positions


def offsets_of(lengths: Array) -> Array:
    """int64 [rows + 1]: where rows of these lengths start, and the end."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


@dataclass(frozen=True)
class Batch:
    """Some examples, their tokens in one stream without padding."""

    offsets: Array
    """int64 [examples + 1]: the tokens of example i are offsets[i] to offsets[i + 1]."""

    streams: Mapping[str, Array]
    """Per token, each [tokens, …]."""

    columns: Mapping[str, Array]
    """Per example, each [examples, …]."""

    sequences: Optional[Array] = None
    """int64 [sequences + 1]: where each sequence of the stream starts, and the end, where an example has several,
    such as the captions of an image; None where every example is one."""

    longest: int = 0
    """The length of the longest example in the global batch, set by the engine. A model that needs rows of equal length
    pads to it, so that the result does not depend on how the batch was cut into micro-batches."""


def save_array(directory: Path, name: str, array: Any) -> None:
    """Write `array` as `name`.npy; a Ragged as `name`.values.npy and `name`.offsets.npy."""
    if isinstance(array, Ragged):
        save_array(directory, f"{name}.values", array.values)
        save_array(directory, f"{name}.offsets", array.offsets)
    else:
        np.save(directory / f"{name}.npy", array, allow_pickle=False)


def map_array(directory: Path, name: str) -> Array:
    """Memory-map `name`.npy, read-only."""
    return np.load(directory / f"{name}.npy", mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]  # numpy's load returns Any


def map_ragged(directory: Path, name: str) -> Ragged:
    """Memory-map a Ragged written by `save_array`; in plain arrays, as slicing numpy's memmap costs microseconds."""
    values, offsets = (np.asarray(map_array(directory, f"{name}.{part}")) for part in ("values", "offsets"))
    return Ragged(values, offsets)
