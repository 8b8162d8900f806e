"""Training on SQuAD windows: podtune against Hugging Face's Trainer.

    python benchmarks/train_squad.py --features DIRECTORY --model DIRECTORY [--rounds 3] [--steps 8] [--batch-size 12]
    python benchmarks/train_squad.py --features DIRECTORY --shape bert-base [--device gpu] [--sides example,podtune]

DIRECTORY of the features is what tokenize_squad wrote. A shape is a model of random weights. Every side runs in a
process of its own, in turn, `rounds` times, and trains on the same rows: one batch to warm up, then the measured
steps. "example" is the Trainer as transformers' question-answering example runs it (float32, padded to 384), "best"
its best setting (bfloat16, batches of about equal length, each padded to its longest row). The recipe is the same on
all sides: batch size, AdamW, clipping at 1.0, dropout 0.1 unless said. Ratios are medians of those within a round.
"""

import argparse
from functools import partial
from typing import Any

import numpy as np
import podtune_side
import trainer_side
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import QuestionWindows, open_windows
from side_by_side import Measured, first_rows, measured, run
from squad_shapes import FEATURES, SHAPES

RATE = 3e-5


def as_example(arguments: argparse.Namespace) -> Measured:
    """Train as the example does."""
    windows = open_windows(arguments.features, "train")
    records = trainer_side.padded_records(windows, first_rows(windows, arguments))
    return _with_trainer(arguments, records, bf16=False)


def at_best(arguments: argparse.Namespace) -> Measured:
    """Train with the Trainer's best setting for this recipe."""
    windows = open_windows(arguments.features, "train")
    rows = by_length(windows, first_rows(windows, arguments), arguments.batch_size)
    return _with_trainer(arguments, trainer_side.plain_records(windows, rows), bf16=True)


def by_length(windows: QuestionWindows, rows: np.ndarray, batch_size: int) -> np.ndarray:
    """The same first batch, then batches of about equal length in random order."""
    later = rows[batch_size:]
    batches = later[np.argsort(windows.lengths[later])].reshape(-1, batch_size)
    return np.concatenate([rows[:batch_size], np.random.default_rng(1).permutation(batches).ravel()])


def _with_trainer(arguments: argparse.Namespace, records: Any, *, bf16: bool) -> Measured:
    times = trainer_side.train(
        trainer_side.load(arguments.model),
        records,
        batch_size=arguments.batch_size,
        learning_rate=RATE,
        bf16=bf16,
        use_cpu=arguments.device == "cpu",
    )
    return measured(times.ends, times.cpu_ends, arguments.steps * arguments.batch_size)


def ours(arguments: argparse.Namespace, **changes: Any) -> Measured:
    """Train as a recipe does."""
    return podtune_side.train(arguments, SpanObjective(), open_windows(arguments.features, "train"), RATE, **changes)


if __name__ == "__main__":
    run(
        __doc__,
        {
            "example": as_example,
            "best": at_best,
            "podtune": ours,
            "podtune dropout 0": partial(ours, dropout=0.0),
            "podtune float32": partial(ours, precision="float32"),
        },
        SHAPES,
        features=FEATURES,
    )
