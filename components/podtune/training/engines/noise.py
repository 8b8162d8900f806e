"""Random bits that belong to a row of the global batch, however the batch is cut and shared out."""

from typing import Iterable

import numpy as np

BITS = 16
"""Of one draw: probabilities are kept to 1 / 65,536."""


class RowNoise:
    """Random bits for the rows of a micro-batch: one stream a row, keyed by (seed, step, place).

    Dropout sites draw from the streams in the order in which the model runs through them. So a row's bits
    depend on its place in the global batch, and not on the rows beside it.
    """

    def __init__(self, seed: int, step: int, places: Iterable[int]) -> None:
        keys = (np.random.SeedSequence((seed, step, int(place))) for place in places)
        self._streams = [np.random.SFC64(key) for key in keys]

    def bits(self, row: int, count: int) -> np.ndarray:
        """Draw uint16 [count] for a row."""
        words: np.ndarray = self._streams[row].random_raw(-(-count // 4))
        return words.view(np.uint16)[:count]
