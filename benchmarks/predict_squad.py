"""Prediction on SQuAD windows: podtune against Hugging Face's Trainer.

    python benchmarks/predict_squad.py --features DIRECTORY --model DIRECTORY [--rounds 3] [--steps 8] [--batch-size 12]

As train_squad.py, but for the forward pass over the first (steps × batch size) rows of the validation split.
"example" predicts as transformers' question-answering example does (float32, padded to 384, 8 rows at a time),
"best" in bfloat16 with rows sorted by length, 32 at a time.
"""

import argparse
import time
from dataclasses import dataclass
from typing import Any, Callable, List

import numpy as np
import trainer_side
from podtune.formats.ragged import Batch
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import open_windows
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.protocols import Examples
from side_by_side import Measured, first_rows, measured, run
from squad_shapes import FEATURES, SHAPES


@dataclass(frozen=True)
class SomeWindows:
    """Some rows of others; `training.protocols.Examples`."""

    windows: Examples
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> np.ndarray:
        """int64 [rows]."""
        lengths: np.ndarray = self.windows.lengths[self.rows]
        return lengths

    def names(self, rows: np.ndarray) -> List[str]:
        """The windows' question ids."""
        return self.windows.names(self.rows[rows])

    def batch(self, rows: np.ndarray) -> Batch:
        """Gather windows."""
        return self.windows.batch(self.rows[rows])


def as_example(arguments: argparse.Namespace) -> Measured:
    """Predict as the example does."""
    windows = open_windows(arguments.features, "validation")
    records = trainer_side.padded_records(windows, first_rows(windows, arguments))
    return _with_trainer(arguments, records, batch_size=8, bf16=False)


def at_best(arguments: argparse.Namespace) -> Measured:
    """Predict with the Trainer's best setting."""
    windows = open_windows(arguments.features, "validation")
    rows = first_rows(windows, arguments)
    records = trainer_side.plain_records(windows, rows[np.argsort(-windows.lengths[rows])])
    return _with_trainer(arguments, records, batch_size=32, bf16=True)


def _with_trainer(arguments: argparse.Namespace, records: Any, *, batch_size: int, bf16: bool) -> Measured:
    model, use_cpu = trainer_side.load(arguments.model), arguments.device == "cpu"
    records = trainer_side.without_unread_segments(model, records)
    predictor = trainer_side.predictor(model, batch_size=batch_size, bf16=bf16, use_cpu=use_cpu)
    return _timed(arguments, lambda count: predictor.predict(records[:count]))


def _ours(arguments: argparse.Namespace, **changes: Any) -> Measured:
    windows = open_windows(arguments.features, "validation")
    config = TrainingConfig(epochs=1, batch_size=1, learning_rate=1.0, **changes)
    engine = open_engine(SpanObjective(), arguments.model, config, arguments.device)
    rows = first_rows(windows, arguments)
    return _timed(arguments, lambda count: engine.outputs(SomeWindows(windows, rows[:count])))


def _timed(arguments: argparse.Namespace, predict: Callable[[int], object]) -> Measured:
    predict(arguments.batch_size)
    start, cpu_start = time.perf_counter(), time.process_time()
    samples = (arguments.steps + 1) * arguments.batch_size
    predict(samples)
    return measured([start, time.perf_counter()], [cpu_start, time.process_time()], samples)


if __name__ == "__main__":
    run(
        __doc__,
        {
            "example": as_example,
            "best": at_best,
            "podtune": _ours,
            "podtune float32": lambda arguments: _ours(arguments, precision="float32"),
        },
        SHAPES,
        features=FEATURES,
    )
