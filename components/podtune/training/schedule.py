"""What each optimizer step is: its rows, shuffled anew each epoch, and its learning rate."""

from math import ceil, cos, pi
from typing import Tuple

import numpy as np

from podtune.errors import BadInput
from podtune.training.config import TrainingConfig


class Order:
    """The batches of a run over so many rows; BadInput where they do not fill one call to the device."""

    def __init__(self, rows: int, config: TrainingConfig) -> None:
        iterations = config.device_iterations
        if rows < config.batch_size * iterations:
            taken = f"one optimizer step takes {config.batch_size} (training.batch_size)"
            if iterations > 1:
                product = f"training.batch_size {config.batch_size} × training.device_iterations {iterations}"
                taken = f"one call to the device takes {config.batch_size * iterations} ({product})"
            raise BadInput(f"there are {rows} rows to train on, and {taken}; give more data or a smaller batch")
        self._rows, self._batch_size, self._seed = rows, config.batch_size, config.seed
        self._shuffled: Tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))
        full = rows // (config.batch_size * iterations) * iterations
        self.steps_per_epoch = -(-rows // config.batch_size) if config.last_batch == "kept" else full
        """Optimizer steps; what does not fill a whole call is left out, other rows each epoch, or is the last one."""

        self.steps = config.epochs * self.steps_per_epoch
        """Optimizer steps."""

        if config.max_steps:
            self.steps = min(self.steps, config.max_steps)

    def rows(self, step: int) -> np.ndarray:
        """The rows of an optimizer step, counted from 0: int64 [batch size]."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        if self._shuffled[0] != epoch:
            # What (seed, epoch) alone decides: numpy promises stable bits, but no stable permutation()
            bits = np.random.PCG64(np.random.SeedSequence((self._seed, epoch))).random_raw(self._rows)
            self._shuffled = epoch, np.argsort(bits, kind="stable")
        return self._shuffled[1][batch * self._batch_size : (batch + 1) * self._batch_size]

    def consumed(self, steps: int) -> int:
        """Count the rows of the first so many optimizer steps; a row counts once an epoch."""
        epochs, begun = divmod(steps, self.steps_per_epoch)
        return epochs * min(self._rows, self.steps_per_epoch * self._batch_size) + begun * self._batch_size


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The rate of an optimizer step, counted from 0, in a run of `steps`; the first of a warm-up has rate 0.

    By transformers' schedules, moved once a device call.
    """
    call, calls = step // config.device_iterations, steps // config.device_iterations
    warmup = ceil(config.warmup_steps / config.device_iterations) or ceil(calls * config.warmup_ratio)
    if call < warmup:
        return config.learning_rate * (call / warmup)
    if config.schedule == "constant":
        return config.learning_rate
    done, falling = call - warmup, max(1, calls - warmup)
    if config.schedule == "linear":
        return config.learning_rate * max(0.0, (falling - done) / falling)
    return config.learning_rate * max(0.0, 0.5 * (1.0 + cos(pi * done / falling)))
