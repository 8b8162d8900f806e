"""podtune's engine on the rows that the other sides of a benchmark train on."""

import argparse
import time
from typing import Any

from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.protocols import Examples, Objective
from side_by_side import Measured, first_rows, measured


def train(
    arguments: argparse.Namespace, objective: Objective, examples: Examples, learning_rate: float, **changes: Any
) -> Measured:
    """Train as a recipe does that has these changes of the training section's defaults."""
    config = TrainingConfig(epochs=1, batch_size=arguments.batch_size, learning_rate=learning_rate, **changes)
    engine = open_engine(objective, arguments.model, config, arguments.device)
    ends, cpu_ends = [], []
    for step, rows in enumerate(first_rows(examples, arguments).reshape(-1, arguments.batch_size)):
        float(engine.steps(examples, [rows], step, learning_rate)[0].loss)
        ends.append(time.perf_counter())
        cpu_ends.append(time.process_time())
    return measured(ends, cpu_ends, arguments.steps * arguments.batch_size)
