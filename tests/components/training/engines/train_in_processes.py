"""What each of several processes does in test_torch_engine: train, predict, agree and save."""

import sys
from pathlib import Path

import numpy as np
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import open_windows
from podtune.training.config import TrainingConfig
from podtune.training.engines.torch_engine import open_engine
from torch import distributed

if __name__ == "__main__":
    model, features, results = map(Path, sys.argv[1:])
    config = TrainingConfig(epochs=1, batch_size=8, learning_rate=1e-2, precision="float32", dropout=0.2, epsilon=1e-4)
    windows = open_windows(features, "train")
    engine = open_engine(SpanObjective(), model, config, "cpu")
    rank = distributed.get_rank()
    for step in range(3):
        engine.steps(windows, [np.arange(8)], step, 1e-2)
    engine.save_model(results / "together")
    np.save(results / f"outputs-{rank}.npy", engine.outputs(windows)["start_logits"])
    if (engine.first, engine.in_any(rank == 1), engine.in_any(False), engine.from_first(rank + 5)) != (
        rank == 0,
        True,
        False,
        5,
    ):
        raise SystemExit("the processes do not agree")
    distributed.destroy_process_group()
