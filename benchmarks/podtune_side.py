"""podtune's engine on the rows that the other sides of a benchmark train on."""

import argparse
import time
from typing import Any

from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.protocols import Examples, Objective
from side_by_side import Measured, first_rows, measured
from torch.utils.flop_counter import FlopCounterMode


def train(
    arguments: argparse.Namespace, objective: Objective, examples: Examples, learning_rate: float, **changes: Any
) -> Measured:
    """Train as a recipe does that has these changes of the training section's defaults.

    `flops` are those of a sample's matrix products, forward and back, as they were done in a step that is not timed.
    """
    config = TrainingConfig(epochs=1, batch_size=arguments.batch_size, learning_rate=learning_rate, **changes)
    engine = open_engine(objective, arguments.model, config, arguments.device)
    ends, cpu_ends = [], []
    batches = first_rows(examples, arguments).reshape(-1, arguments.batch_size)
    for step, rows in enumerate(batches):
        (result,) = engine.steps(examples, [rows], step, learning_rate)
        if step in (0, len(batches) - 1):
            float(result.loss)
            ends.append(time.perf_counter())
            cpu_ends.append(time.process_time())
    rates = measured(ends, cpu_ends, arguments.steps * arguments.batch_size)
    with FlopCounterMode(display=False) as counter:
        engine.steps(examples, [batches[-1]], len(batches), learning_rate)
    return {**rates, "flops": counter.get_total_flops() / arguments.batch_size}
