"""Which rows each optimizer step trains on: shuffled anew each epoch, in whole batches unless the last one is kept."""

from typing import Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.training.config import TrainingConfig


class Order:
    """The batches of a run over so many rows; BadInput where they do not fill one call to the device."""

    def __init__(self, rows: int, config: TrainingConfig) -> None:
        iterations = config.device_iterations
        if rows < config.batch_size * iterations:
            raise BadInput(_too_few(rows, config))
        self._rows, self._batch_size, self._seed = rows, config.batch_size, config.seed
        self._shuffled: Tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))
        whole = rows // (config.batch_size * iterations) * iterations
        self.steps_per_epoch = -(-rows // config.batch_size) if config.last_batch == "kept" else whole
        """Optimizer steps; what does not fill a whole call is left out, other rows each epoch, or is the last one."""

        self.steps = config.epochs * self.steps_per_epoch
        """Optimizer steps of the whole run."""

        if config.max_steps:
            self.steps = min(self.steps, config.max_steps)

    def rows(self, step: int) -> np.ndarray:
        """The rows of an optimizer step, counted from 0: int64 [batch size]."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._shuffled[0] != epoch:
            self._shuffled = epoch, _shuffled(self._rows, self._seed, epoch)
        return self._shuffled[1][place * self._batch_size : (place + 1) * self._batch_size]

    def consumed(self, steps: int) -> int:
        """Count the rows of the first so many optimizer steps; a row counts once an epoch."""
        epochs, begun = divmod(steps, self.steps_per_epoch)
        return epochs * min(self._rows, self.steps_per_epoch * self._batch_size) + begun * self._batch_size


def _shuffled(rows: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation that (seed, epoch) alone decides; numpy promises stable bits, but no stable permutation()."""
    bits = np.random.PCG64(np.random.SeedSequence((seed, epoch))).random_raw(rows)
    return np.argsort(bits, kind="stable")


def _too_few(rows: int, config: TrainingConfig) -> str:
    taken = f"one optimizer step takes {config.batch_size} (training.batch_size)"
    if config.device_iterations > 1:
        product = f"training.batch_size {config.batch_size} × training.device_iterations {config.device_iterations}"
        taken = f"one call to the device takes {config.batch_size * config.device_iterations} ({product})"
    return f"there are {rows} rows to train on, and {taken}; give more data or a smaller batch"
