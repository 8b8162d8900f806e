"""The loss, step for step: podtune against Hugging Face's Trainer in float32, same batches, dropout off.

    python benchmarks/loss_curve.py --features DIRECTORY --model DIRECTORY [--steps 20] [--batch-size 8]

Ends with exit code 1 where any step differs by more than 1e-4. The example's loss takes its softmax over padding
too, so that it depends on the length that rows are padded to; a wrapper hides the padding from the Trainer's loss.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any, List

import numpy as np
import torch
import trainer_side
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import QuestionWindows, open_windows
from podtune.training.config import TrainingConfig
from podtune.training.engines import open_engine
from podtune.training.schedule import learning_rate
from torch import nn

TOLERANCE = 1e-4


class WithoutPadding(nn.Module):
    """A question-answering model whose loss does not see padding; keeps the loss of every step."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.config = model, model.config
        self.losses: List[float] = []

    def forward(
        self, attention_mask: torch.Tensor, start_positions: torch.Tensor, end_positions: torch.Tensor, **inputs: Any
    ) -> Any:
        """Return the loss, as the Trainer wants it."""
        logits = self.model(attention_mask=attention_mask, **inputs)
        pairs = ((logits.start_logits, start_positions), (logits.end_logits, end_positions))
        hidden = [(values.masked_fill(attention_mask == 0, -torch.inf), targets) for values, targets in pairs]
        loss = torch.stack([nn.functional.cross_entropy(*pair) for pair in hidden]).mean()
        self.losses.append(loss.item())
        return {"loss": loss}


def main() -> None:
    """Train both, and print the two curves and their greatest distance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, required=True, help="what tokenize_squad wrote")
    parser.add_argument("--model", type=Path, required=True, help="a directory with config.json and model.safetensors")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=8)
    arguments = parser.parse_args()
    windows = open_windows(arguments.features, "train")
    rows = np.random.default_rng(0).permutation(len(windows))[: arguments.steps * arguments.batch_size]
    config = TrainingConfig(
        epochs=1, batch_size=arguments.batch_size, learning_rate=1e-4, precision="float32", dropout=0.0
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer_side.load(arguments.model).save_pretrained(folder)  # so that both start from the same new head
        theirs = _trainer_losses(Path(folder), windows, rows, config)
        ours = _our_losses(Path(folder), windows, rows, config)
    for step, pair in enumerate(zip(theirs, ours), 1):
        print(f"step {step:3}: Trainer {pair[0]:.6f}  podtune {pair[1]:.6f}")
    distance = max(abs(one - other) for one, other in zip(theirs, ours))
    print(f"greatest distance {distance:.2e}; allowed {TOLERANCE:.0e}")
    sys.exit(distance > TOLERANCE)


def _trainer_losses(model: Path, windows: QuestionWindows, rows: np.ndarray, config: TrainingConfig) -> List[float]:
    loaded = trainer_side.load(model)
    for module in loaded.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    wrapped = WithoutPadding(loaded)
    records = trainer_side.padded_records(windows, rows)
    trainer_side.train(
        wrapped,
        records,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        bf16=False,
        use_cpu=True,
    )
    return wrapped.losses


def _our_losses(model: Path, windows: QuestionWindows, rows: np.ndarray, config: TrainingConfig) -> List[float]:
    engine = open_engine(SpanObjective(), model, config, "cpu")
    batches = rows.reshape(-1, config.batch_size)
    rates = [learning_rate(config, step, len(batches)) for step in range(len(batches))]
    return [float(engine.steps(windows, [batch], step, rates[step])[0].loss) for step, batch in enumerate(batches)]


if __name__ == "__main__":
    main()
